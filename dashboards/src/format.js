// Numbers and times of a chart, in the page's language and the site's time zone.

const DAY_S = 86400;
// The English of a European town: the day before the month.
const LOCALES = { en: 'en-GB' };

export function formatter({ lang: language, zone, unit }) {
  const lang = LOCALES[language] || language;
  const time = (options) => {
    const format = new Intl.DateTimeFormat(lang, { timeZone: zone, ...options });
    return (epoch) => format.format(new Date(epoch * 1000));
  };
  const hour = time({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const day = time({ day: 'numeric', month: 'short' });
  const month = time({ month: 'short', year: 'numeric' });
  const whole = time({ day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit',
    minute: '2-digit', hourCycle: 'h23' });
  const number = (digits) => new Intl.NumberFormat(lang, { maximumFractionDigits: digits });

  // Ticks: days where they are days apart, else hours, with the day at midnight.
  const ticks = (epochs, step) => epochs.map((epoch, i) => {
    if (step >= 28 * DAY_S) return month(epoch);
    if (step >= DAY_S) return day(epoch);
    const at = hour(epoch);
    return at === '00:00' || i === 0 ? `${at}\n${day(epoch)}` : at;
  });

  const value = (x, digits = 3) => {
    if (unit === 'ratio' || unit === '%')
      return `${number(digits).format(unit === '%' ? x : x * 100)}%`;
    return unit ? `${number(digits).format(x)}\u00a0${unit}` : number(digits).format(x);
  };
  return { ticks, value, whole };
}
