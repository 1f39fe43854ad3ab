// A full disk: polling and pages go on, a counter and the log tell; when there is room
// again, writing resumes by itself. Needs root for a small file system.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd, build, endsWell, equal, listen, must, ok, run, scenario, site, skipAll, tempFolder, until, vetrinad } from '../lib/scenario.mjs';

await scenario(async () => {
  const folder = tempFolder('disk');
  const store = path.join(folder, 'small');
  fs.mkdirSync(store);
  const mount = await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', store]);
  if (mount.code !== 0) skipAll('a tmpfs cannot be mounted here');
  atEnd(() => run('umount', ['-l', store]));
  const port = await listen(http.createServer((request, response) => response.end('Servizio attivo')));
  const services = {};
  for (let i = 0; i < 5; i++)
    services[`s${i}`] = { public: true, checks: { c: { every: '1s', timeout: '1s', http: `http://127.0.0.1:${port}/` } } };
  const daemon = await vetrinad(folder, {
    store: { path: path.join(store, 'store'), retention: ['1s:1h'], flush: '10s' }, sites: { borgo: site(services) },
  });
  const small = path.join(folder, 'small.yaml');
  fs.writeFileSync(small, fs.readFileSync(daemon.file, 'utf8').replace('1s:1h', '1s:30d'));
  const checked = await run(path.join(build, 'vetrinad'), ['-t', '-c', small]);
  ok('-t warns when the disk needed is not free', [
    ...equal('exit code', checked.code, 0),
    ...(/warning: .*store: .* is missing for what the archive takes/.test(checked.out + checked.error) ? [] : [checked.out + checked.error]),
  ]);
  const samples = async () => (await daemon.json('status')).store;
  await until('samples are written', async () => (await samples()).rows_written > 10);
  const filler = path.join(store, 'filler');
  const began = Math.floor(Date.now() / 1000);
  await run('sh', ['-c', `cat /dev/zero >${filler}`]);
  const full = await until('the daemon sees the full disk', async () => {
    const now = await samples();
    return !now.writable && now;
  });
  await until('polling goes on', async () => (await samples()).samples > full.samples + 10);
  const metrics = await (await fetch(`http://${daemon.status.admin}/metrics`)).text();
  ok('a full disk is told', [
    ...(/No space left|disk/i.test(daemon.log()) ? [] : [daemon.log()]),
    ...(/^vetrina_(journal|store|archive)[a-z_]*errors_total [1-9]/m.test(metrics) ? [] : [metrics.match(/^vetrina.*error.*$/mg)?.join('\n')]),
  ]);
  ok('pages go on', equal('status', (await fetch(`${daemon.url}/`)).status, 200));
  fs.rmSync(filler);
  await until('writing resumes', async () => (await samples()).writable);
  await daemon.json('flush');
  const file = path.join(store, 'store/borgo/rrd/s0/c.rrd');
  const out = await must('rrdtool', ['fetch', file, 'AVERAGE', '-s', String(began), '-e', 'now', '-r', '1']);
  const end = Math.floor(Date.now() / 1000);
  const rows = out.split('\n').slice(2).map((line) => line.split(/:? +/)).filter((row) => row.length > 3)
    .filter((row) => Number(row[0]) > began && Number(row[0]) < end - 2);
  ok('nothing was lost since the disk was full', [
    ...(rows.length >= end - began - 5 ? [] : [`${rows.length} rows of ${end - began} seconds`]),
    ...rows.filter((row) => row[1].includes('nan')).map((row) => `the row of ${row[0]} is unknown`),
  ]);
  await endsWell(daemon);
});
