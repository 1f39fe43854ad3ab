// The chart that a visitor may point into: the points are the same JSON that the page
// offers for download. It stands where the server's drawing stood, at its height, so
// that nothing moves; the drawing stays for those who do not see this one.
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import { formatter } from './format.js';

const COLOURS = {
  line: '#0b5fa5', band: 'rgba(11, 95, 165, .18)', grid: '#d9dadb', text: '#17324d',
  limit: '#cc334d', down: '#cc334d',
};
const FONT = '13px "Titillium Web"';
const HEIGHT_MIN = 180;
const TIMEOUT_MS = 15000;
const TIME = 0, MEAN = 1, MIN = 2, MAX = 3, UP = 4; // members of a point
const UP_WHOLE = 0.999;

// -> a column per member, points in the middle of their step; a point of two members
// (a plain series) has no least and most, and nothing to say of outages.
async function fetchColumns(url) {
  const answer = await fetch(url, {
    credentials: 'omit',
    signal: AbortSignal.timeout?.(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const { points, step } = await answer.json();
  if (!Array.isArray(points) || points.length < 2) throw new Error(`${url}: no points`);
  const column = (member) => points.map((point) => point[member] ?? null);
  const half = (step || 0) / 2;
  return [column(TIME).map((epoch) => epoch - half), ...[MEAN, MIN, MAX, UP].map(column)];
}

// From zero to the highest, but a lone spike does not flatten all the rest; the
// objective is in the picture too.
function rangeOf(columns, limit) {
  const highest = (member) => Math.max(0, ...columns[member].filter(Number.isFinite));
  const top = Math.max(Math.min(highest(MAX) || highest(MEAN), 3 * highest(MEAN)), limit);
  return [0, top * 1.1 || 1];
}

// The objective as a broken line, outages as a strip along the foot.
function drawMarks(chart, limit) {
  const { ctx, bbox, data } = chart;
  const scale = devicePixelRatio;
  ctx.save();
  if (limit) {
    const y = Math.round(chart.valToPos(limit, 'y', true));
    ctx.strokeStyle = COLOURS.limit;
    ctx.lineWidth = 1.5 * scale;
    ctx.setLineDash([4 * scale, 4 * scale]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  const width = Math.max(bbox.width / data[TIME].length, 2 * scale);
  ctx.fillStyle = COLOURS.down;
  data[UP].forEach((up, i) => {
    if (up === null || up >= UP_WHOLE) return;
    const x = Math.floor(chart.valToPos(data[TIME][i], 'x', true) - width / 2);
    ctx.fillRect(x, bbox.top + bbox.height - 6 * scale, Math.ceil(width) + 1, 6 * scale);
  });
  ctx.restore();
}

function options(plot, columns, readout) {
  const { lang, zone, unit } = plot.dataset;
  const limit = Number(plot.dataset.limit) || 0;
  const range = rangeOf(columns, limit);
  const format = formatter({ lang, zone, unit });
  const axis = {
    font: FONT,
    stroke: COLOURS.text,
    grid: { stroke: COLOURS.grid, width: 1 },
    ticks: { stroke: COLOURS.grid, width: 1 },
  };
  const silent = { stroke: 'transparent', points: { show: false }, spanGaps: false };
  return {
    tzDate: (epoch) => uPlot.tzDate(new Date(epoch * 1000), zone),
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: () => range } },
    axes: [
      { ...axis, values: (_chart, splits, _i, _space, step) => format.ticks(splits, step), space: 70 },
      { ...axis, values: (_chart, splits) => splits.map((split) => format.value(split)), size: 64 },
    ],
    series: [
      {},
      { ...silent, stroke: COLOURS.line, width: 2 },
      silent,
      silent,
      { ...silent, show: false },
    ],
    bands: [{ series: [MAX, MIN], fill: COLOURS.band }],
    hooks: {
      draw: [(chart) => drawMarks(chart, limit)],
      setCursor: [(chart) => {
        const i = chart.cursor.idx;
        const value = i == null ? null : chart.data[MEAN][i];
        readout.textContent = value == null ? '' :
          `${format.whole(chart.data[TIME][i])}: ${format.value(value)}`;
      }],
    },
  };
}

export async function draw(plot, figure) {
  const [columns] = await Promise.all([
    fetchColumns(plot.dataset.src),
    document.fonts.load(FONT).catch(() => {}),
  ]);
  const drawing = Array.from(figure.querySelectorAll('svg')).find((svg) => svg.clientHeight);
  const width = drawing?.clientWidth || figure.clientWidth;
  const height = Math.max(drawing?.clientHeight || 0, HEIGHT_MIN);

  const readout = document.createElement('div');
  readout.className = 'vt-readout';
  const chart = new uPlot({ width, height, ...options(plot, columns, readout) }, columns, plot);
  plot.append(readout);
  plot.hidden = false;
  figure.classList.add('vt-drawn');
  new ResizeObserver(() => {
    if (plot.clientWidth && plot.clientWidth !== chart.width)
      chart.setSize({ width: plot.clientWidth, height });
  }).observe(plot);
}
