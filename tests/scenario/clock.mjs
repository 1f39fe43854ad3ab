// The wall clock is stepped an hour forth and back: no crash, no wrong sample, and the log
// says so.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { build, endsWell, listen, must, need, note, ok, scenario, site, tempFolder, until, vetrinad } from '../lib/scenario.mjs';

need('rrdtool');

await scenario(async () => {
  const folder = tempFolder('clock');
  const hand = path.join(folder, 'hand');
  fs.writeFileSync(hand, '0');
  process.env.CLOCKSHIM = hand;
  process.env.LD_PRELOAD = path.join(build, 'tests/lib/clockshim.so');
  process.env.ASAN_OPTIONS = `${process.env.ASAN_OPTIONS || ''}:verify_asan_link_order=0`;
  const port = await listen(http.createServer((request, response) => response.end('Servizio attivo')));
  const daemon = await vetrinad(folder, {
    store: { path: path.join(folder, 'store'), retention: ['1s:4h'] },
    sites: { borgo: site({ sito: { public: true, checks: { c: { every: '1s', timeout: '1s', http: `http://127.0.0.1:${port}/` } } } }) },
  });
  delete process.env.LD_PRELOAD;
  const samples = async () => (await daemon.json('status')).store.samples;
  const measured = async (more) => {
    const before = await samples();
    await until('samples', async () => (await samples()) >= before + more);
  };
  await measured(3);
  const began = Math.floor(Date.now() / 1000);
  fs.writeFileSync(hand, '3600');
  await until('the step is seen', async () => (await daemon.json('status')).clock_steps === 1);
  await measured(3);
  ok('an hour forth is told', /stepped by \+3[56]\d\d/.test(daemon.log()) ? [] : [daemon.log()]);
  fs.writeFileSync(hand, '0');
  await until('the step is seen', async () => (await daemon.json('status')).clock_steps === 2);
  ok('an hour back is told', /stepped by -3[56]\d\d/.test(daemon.log()) ? [] : [daemon.log()]);
  const before = (await daemon.json('checks')).checks[0].last.time;
  await until('checks go on', async () => (await daemon.json('checks')).checks[0].last.time !== before);
  const page = await fetch(`${daemon.url}/`);
  ok('pages go on', page.status === 200 ? [] : [page.status]);
  const last = (await daemon.json('checks')).checks[0];
  ok('the verdict holds', last.verdict === 'up' ? [] : [last]);
  await daemon.json('flush');
  const file = path.join(folder, 'store/borgo/rrd/sito/c.rrd');
  const out = await must('rrdtool', ['fetch', file, 'AVERAGE', '-s', String(began - 60), '-e', '+3700s', '-r', '1']);
  const known = out.split('\n').slice(2).map((line) => line.split(/:? +/))
    .filter((row) => row.length > 3 && !row[1].includes('nan')).map((row) => Number(row[0].replace(':', '')));
  const near = known.filter((at) => at < began + 60), hence = known.filter((at) => at > began + 3500);
  note(`${near.length} rows before the step, ${hence.length} after it`);
  ok('samples stand where they were measured, none between', [
    ...(near.length >= 3 ? [] : ['before the step']), ...(hence.length >= 3 ? [] : ['after the step']),
    ...(near.length + hence.length === known.length ? [] : ['elsewhere']),
  ]);
  await endsWell(daemon);
});
