// kill -9 at random moments: no accepted sample is lost beyond the last second, none is
// doubled, no file is broken. Every answer of the target has a length of its own, so each
// row of an archive tells which request it came from. VETRINA_LONG=1: 200 kills.
import http from 'node:http';
import path from 'node:path';
import { endsWell, listen, must, need, note, ok, scenario, site, tempFolder, vetrinad } from '../lib/scenario.mjs';

need('rrdtool');

const KILLS = process.env.VETRINA_LONG ? 200 : 8;
const CHECKS = 20;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Requests in order: {at (ms), size}, by check.
const served = Array.from({ length: CHECKS }, () => []);

function answer(request, response) {
  const check = served[Number(request.url.slice(1))];
  const size = 1 + check.length;
  check.push({ at: Date.now(), size });
  response.end('x'.repeat(size));
}

async function rowsOf(folder, check, from) {
  const file = path.join(folder, `store/borgo/rrd/s${check}/c.rrd`);
  const out = await must('rrdtool', ['fetch', file, 'AVERAGE', '-s', String(from), '-e', 'now', '-r', '1']);
  const lines = out.split('\n');
  const column = 1 + lines[0].trim().split(/\s+/).indexOf('size');
  return lines.slice(2).map((line) => line.split(/:? +/)).filter((row) => row.length > column)
    .map((row) => ({ end: Number(row[0].replace(':', '')), size: Number(row[column]) }))
    .filter((row) => !Number.isNaN(row.size));
}

// downs: [from, to] in ms, when the daemon was dead or not yet at work.
function judge(check, rows, downs, until) {
  const problems = [];
  const sizes = new Set();
  let last = 0;
  for (const { end, size } of rows) {
    const request = served[check][size - 1];
    if (!Number.isInteger(size) || !request) problems.push(`a row of ${size} bytes was never served`);
    // A check due at the very end of its slot may ask a little after it.
    else if (request.at > end * 1000 + 500 || request.at < end * 1000 - 2200)
      problems.push(`${size} bytes, served at ${request.at}, stand in the row that ends at ${end}`);
    if (sizes.has(size)) problems.push(`${size} bytes stand in two rows`);
    if (size <= last) problems.push(`${size} bytes come after ${last}`);
    sizes.add(size);
    last = size;
  }
  const ends = new Set(rows.map(({ end }) => end));
  for (const { at, size } of served[check]) {
    // Of two measurements in one slot the first counts: its row is there.
    const slots = [Math.floor(at / 1000) + 1, Math.floor(at / 1000) + 2];
    const near = downs.some(([from, to]) => at >= from - 1100 && at <= to);
    if (!sizes.has(size) && !near && at < until && !slots.some((end) => ends.has(end)))
      problems.push(`${size} bytes, served at ${at}, are lost, ` +
        `${Math.min(...downs.map(([from]) => from - at).filter((ms) => ms > 0))} ms before a kill`);
  }
  return problems;
}

await scenario(async () => {
  const folder = tempFolder('kill');
  const port = await listen(http.createServer(answer));
  const services = {};
  for (let i = 0; i < CHECKS; i++)
    services[`s${i}`] = { checks: { c: { every: '1s', timeout: '1s', http: { url: `http://127.0.0.1:${port}/${i}`, retry: 0 } } } };
  const configuration = {
    store: { path: path.join(folder, 'store'), retention: ['1s:2h'], flush: '10s' },
    sites: { borgo: site(services) },
  };
  const from = Math.floor(Date.now() / 1000) - 5;
  const downs = [];
  let killed = Date.now(), daemon;
  for (let i = 0; i < KILLS; i++) {
    daemon = await vetrinad(folder, configuration);
    downs.push([killed, Date.now() + 1100]);
    await sleep(3500 + Math.random() * 3000);
    killed = Date.now();
    await daemon.stop('SIGKILL');
  }
  daemon = await vetrinad(folder, configuration);
  downs.push([killed, Date.now() + 1100]);
  await sleep(3000);
  await daemon.json('flush');
  const until = Date.now() - 1500;
  let rows = 0;
  const problems = [];
  for (let i = 0; i < CHECKS; i++) {
    const found = await rowsOf(folder, i, from);
    rows += found.length;
    problems.push(...judge(i, found, downs, until).map((problem) => `check ${i}: ${problem}`));
  }
  note(`${KILLS} kills, ${rows} rows, ${served.reduce((sum, list) => sum + list.length, 0)} requests`);
  ok('no sample is lost, doubled or misplaced', problems.slice(0, 20));
  ok('most of what was measured is there', rows > KILLS * CHECKS * 2 ? [] : [`${rows} rows`]);
  const status = await daemon.json('status');
  ok('the replay is done', status.store.replay_done ? [] : ['it is not']);
  await endsWell(daemon);
});
