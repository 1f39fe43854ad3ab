// What a first visit of the front page costs: every byte that comes over the wire,
// headers included, with an empty cache. The chart script is counted apart.
const PAGE_MAX = 60 * 1024;
const WITH_FONTS_MAX = 140 * 1024;

async function bytesOf(browser, url) {
  const context = await browser.newContext({ viewport: { width: 360, height: 800 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  const requests = new Map();
  await session.send('Network.enable');
  session.on('Network.requestWillBeSent', ({ requestId, request }) =>
    requests.set(requestId, { url: request.url, bytes: 0 }));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (requests.has(requestId)) requests.get(requestId).bytes = encodedDataLength;
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  await context.close();
  return [...requests.values()];
}

// -> what is too heavy, a line each, and a sentence with the figures
export async function weigh(browser, url) {
  const requests = await bytesOf(browser, url);
  const sum = (wanted) => requests.filter(wanted).reduce((total, { bytes }) => total + bytes, 0);
  const isFont = ({ url: each }) => each.endsWith('.woff2');
  const isChart = ({ url: each }) => /\/chart-[^/]*$/.test(each);
  const page = sum((each) => !isFont(each) && !isChart(each));
  const fonts = sum(isFont);
  const chart = sum(isChart);
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
  const problems = [];
  if (!page || !fonts) problems.push('nothing was measured');
  if (page > PAGE_MAX) problems.push(`without fonts ${kib(page)}, at most ${kib(PAGE_MAX)}`);
  if (page + fonts > WITH_FONTS_MAX)
    problems.push(`with fonts ${kib(page + fonts)}, at most ${kib(WITH_FONTS_MAX)}`);
  return { problems, sentence: `first visit: ${kib(page)} without fonts, ` +
    `${kib(page + fonts)} with, chart ${kib(chart)} apart, ${requests.length} requests` };
}
