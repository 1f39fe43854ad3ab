// The chart that a visitor may point into: the points are the same JSON that the page
// offers for download. It stands where the server's drawing stood, at its height, so
// that nothing moves; the drawing stays for those who do not see this one.
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import { formatter } from './format.js';

const COLOURS = { series: '#0b5fa5', grid: '#d9dadb', text: '#17324d', limit: '#cc334d' };
const FONT = '13px "Titillium Web"';
const HEIGHT_MIN = 180;
const TIMEOUT_MS = 15000;

async function fetchPoints(url) {
  const answer = await fetch(url, {
    credentials: 'omit',
    signal: AbortSignal.timeout?.(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const { points } = await answer.json();
  if (!Array.isArray(points) || points.length < 2) throw new Error(`${url}: no points`);
  return [points.map(([epoch]) => epoch), points.map(([, value]) => value)];
}

// From zero, to a little over the highest; the objective is in the picture too.
function rangeOf(limit) {
  return (_chart, _min, max) => [0, Math.max(max ?? 0, limit || 0) * 1.1 || 1];
}

// The objective, as a broken line.
function drawLimit(limit) {
  return (chart) => {
    if (!limit) return;
    const { ctx, bbox } = chart;
    const y = Math.round(chart.valToPos(limit, 'y', true));
    ctx.save();
    ctx.strokeStyle = COLOURS.limit;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };
}

function options(plot, width, height, readout) {
  const { lang, zone, unit } = plot.dataset;
  const limit = Number(plot.dataset.limit) || 0;
  const format = formatter({ lang, zone, unit });
  const axis = {
    font: FONT,
    stroke: COLOURS.text,
    grid: { stroke: COLOURS.grid, width: 1 },
    ticks: { stroke: COLOURS.grid, width: 1 },
  };
  return {
    width,
    height,
    tzDate: (epoch) => uPlot.tzDate(new Date(epoch * 1000), zone),
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: rangeOf(limit) } },
    axes: [
      { ...axis, values: (_chart, splits, _i, _space, step) => format.ticks(splits, step), space: 70 },
      { ...axis, values: (_chart, splits) => splits.map((split) => format.value(split)), size: 64 },
    ],
    series: [{}, { stroke: COLOURS.series, width: 2, spanGaps: false, points: { show: false } }],
    hooks: {
      draw: [drawLimit(limit)],
      setCursor: [(chart) => {
        const i = chart.cursor.idx;
        const value = i == null ? null : chart.data[1][i];
        readout.textContent = value == null ? '' :
          `${format.whole(chart.data[0][i])}: ${format.value(value)}`;
      }],
    },
  };
}

export async function draw(plot, figure) {
  const [points] = await Promise.all([
    fetchPoints(plot.dataset.src),
    document.fonts.load(FONT).catch(() => {}),
  ]);
  const drawing = Array.from(figure.querySelectorAll('svg')).find((svg) => svg.clientHeight);
  const width = drawing?.clientWidth || figure.clientWidth;
  const height = Math.max(drawing?.clientHeight || 0, HEIGHT_MIN);

  const readout = document.createElement('div');
  readout.className = 'vt-readout';
  plot.hidden = false;
  figure.classList.add('vt-drawn');
  const chart = new uPlot(options(plot, width, height, readout), points, plot);
  plot.append(readout);
  new ResizeObserver(() => {
    if (plot.clientWidth && plot.clientWidth !== chart.width)
      chart.setSize({ width: plot.clientWidth, height });
  }).observe(plot);
}
