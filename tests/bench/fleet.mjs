// fleet.mjs [TOWNS [CHECKS [MINUTES]]]: a region on one machine. A site and a file for each
// municipality, that many plain HTTP checks each, every minute, targets on loopback (nginx,
// one worker). Says the disk needed first, and refuses if it is not there. Prints what was
// due, done, late, missed; CPU of the daemon by the minute, memory, what it wrote; how long
// start, reload of one changed site and a municipality's page take.
//
// Bounds (7,896 x 5): none missed, lateness p99 100 ms, 30 % of a core in the median
// minute, 300 MB, 5 s to all scheduled, 2 s for the reload, 20 ms for a page.
//
//   top_builddir=BUILD node tests/bench/fleet.mjs 7896 5 10      DIR= where it writes
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const [towns, each, minutes] = [7896, 5, 10].map((usual, i) => Number(process.argv[2 + i] || usual));
const build = path.resolve(process.env.top_builddir || 'build');
const folder = fs.mkdtempSync(path.join(process.env.DIR || os.tmpdir(), 'vetrina-fleet-'));
const control = path.join(folder, 'control.sock');
const children = [];
const HZ = 100;
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const total = towns * each;
const count = (n) => n.toLocaleString('en');
const say = (...words) => console.log(...words);
const ctl = (...args) => {
  const done = spawnSync(path.join(build, 'vetrinactl'), ['-s', control, '--json', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`vetrinactl ${args.join(' ')}: ${done.stderr}${done.stdout}`);
  return JSON.parse(done.stdout || 'null');
};
const tryStatus = () => { try { return ctl('status'); } catch { return null; } };

// ---- the targets ----

const port = 20000 + (process.pid % 10000);
fs.mkdirSync(path.join(folder, 'www'));
fs.writeFileSync(path.join(folder, 'www/page.html'), `${'x'.repeat(1000)} needle\n`);
fs.chmodSync(folder, 0o755);
fs.writeFileSync(path.join(folder, 'nginx.conf'), `
worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 8000; }
http {
  access_log off; open_file_cache max=10;
  client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3;
  uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;
  server { listen 127.0.0.1:${port} backlog=4096; root ${folder}/www; }
}`);
children.push(spawn('nginx', ['-p', folder, '-c', path.join(folder, 'nginx.conf')], { stdio: 'ignore' }));

// ---- the municipalities ----

const host = (i) => `town${i}.example`;
function writeTown(i, more = '') {
  const services = Array.from({ length: each }, (_, j) =>
    `s${j}: {title: Servizio ${j}, description: Prova, public: true, checks: {c: {timeout: 10s, http: {url: "http://127.0.0.1:${port}/page.html?${i}.${j}", match: needle}}}}`);
  fs.writeFileSync(path.join(folder, 'sites.d', `town${i}.yaml`),
    `sites: {town${i}: {name: Comune ${i}${more}, url: "http://${host(i)}", languages: [it], timezone: Europe/Rome, pages: {accessibility: "https://a.example/", privacy: "https://b.example/", legal: "https://c.example/", report: "https://d.example/"}, services: {\n${services.join(',\n')}}}}\n`);
}
fs.mkdirSync(path.join(folder, 'sites.d'));
for (let i = 0; i < towns; i++) writeTown(i);
const configuration = path.join(folder, 'vetrina.yaml');
fs.writeFileSync(configuration, `
listen: {public: ["127.0.0.1:0"], admin: ["127.0.0.1:0"], control: ${control}}
store: {path: ${folder}/store, retention: [1m:2d, 5m:14d, 1h:1y], flush: ${process.env.FLUSH || '20m'}, pending_max: 1G}
log: warning
include: [sites.d/*.yaml]
`);
const checked = spawnSync(path.join(build, 'vetrinad'), ['-t', '-c', configuration], { encoding: 'utf8', maxBuffer: 1 << 28 });
if (checked.status !== 0) {
  say(checked.stdout.split('\n').concat(checked.stderr.split('\n')).filter((line) => !/warning:/.test(line)).slice(0, 5).join('\n'));
  process.exit(1);
}
const disk = (checked.stdout + checked.stderr).split('\n').filter((line) => /needs|in all|free/.test(line)).slice(-2).join('; ');
say(`fleet: ${count(towns)} municipalities x ${each} = ${count(total)} checks a minute, ${minutes} minutes`);
say(`  disk: ${disk}`);
const perCheck = 0.9e6;
const stat = fs.statfsSync(folder);
if (stat.bavail * stat.bsize < total * perCheck * 1.1) {
  say(`fleet: ${folder} has ${count(Math.round(stat.bavail * stat.bsize / 1e6))} MB free, ${count(Math.round(total * perCheck / 1e6))} MB are needed: give DIR= with more, or fewer towns`);
  process.exit(1);
}

// ---- the daemon ----

const cpu = (pid) => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / HZ;
};
const rss = (pid, key = 'VmRSS') => Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${key}:\\s*(\\d+)`))[1]) / 1024;
const io = (pid) => Object.fromEntries(fs.readFileSync(`/proc/${pid}/io`, 'utf8').trim().split('\n')
  .map((line) => line.split(': ')).map(([name, value]) => [name, Number(value)]));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

const began = Date.now();
const log = fs.openSync(path.join(folder, 'vetrinad.log'), 'w');
const daemon = spawn(path.join(build, 'vetrinad'), ['-f', '-c', configuration], { stdio: ['ignore', log, log] });
children.push(daemon);
daemon.on('exit', (code) => {
  say(`fleet: vetrinad ended: ${code}\n${fs.readFileSync(path.join(folder, 'vetrinad.log'), 'utf8').slice(-2000)}`);
  process.exit(1);
});
let status;
while (!(status = tryStatus()) || status.checks.total < total) await sleep(50);
say(`  start to all scheduled: ${((Date.now() - began) / 1000).toFixed(2)} s (bound 5)`);
const pid = daemon.pid;

// ---- everything is made, then measured ----

while ((status = ctl('status')).checks.up < total && Date.now() - began < 300e3) await sleep(1000);
say(`  all measured once: ${((Date.now() - began) / 1000).toFixed(0)} s; ${count(status.checks.up)} up`);
const made = () => fs.readdirSync(path.join(folder, 'store')).length;
const settle = Number(process.env.SETTLE || 1);
await sleep(settle * 60e3);

function page(i) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    http.get({ host: '127.0.0.1', port: Number(status.public.split(':')[1]), path: '/', headers: { Host: host(i) }, agent: false }, (response) => {
      response.on('data', () => {});
      response.on('end', () => resolve([response.statusCode, Number(process.hrtime.bigint() - start) / 1e6]));
    }).on('error', reject);
  });
}

const before = ctl('status');
const ioBefore = io(pid);
const perMinute = [], pages = [], odd = [];
for (let minute = 0; minute < minutes; minute++) {
  const start = cpu(pid), until = Date.now() + 60e3;
  while (Date.now() < until) {
    const [code, ms] = await page(Math.floor(Math.random() * towns));
    if (code === 200) pages.push(ms);
    else odd.push(code);
    await sleep(Math.min(200, Math.max(0, until - Date.now())));
  }
  perMinute.push((cpu(pid) - start) / 60 * 100);
}
const after = ctl('status');
const ioAfter = io(pid);

const runs = after.checks.runs - before.checks.runs;
const lateness = after.checks.lateness.map(([le, n], i) => [le, n - before.checks.lateness[i][1]]);
const within = (q) => {
  let sum = 0;
  const all = lateness.reduce((n, [, m]) => n + m, 0);
  for (const [le, n] of lateness) if ((sum += n) >= all * q) return le === null ? 'over 60 s' : `${le * 1000} ms`;
  return 'none';
};
say(`  due ${count(total * minutes)}, done ${count(runs)}, missed ${count(after.checks.missed - before.checks.missed)}, samples refused ${after.store.refused}, not up ${total - after.checks.up}`);
say(`  lateness: half within ${within(0.5)}, p99 within ${within(0.99)} (bound 100 ms), the latest ${(after.checks.late * 1000).toFixed(0)} ms`);
say(`  CPU: median minute ${median(perMinute).toFixed(1)} % of a core (bound 30), all: ${perMinute.map((x) => x.toFixed(0)).join(' ')}; ${(perMinute.reduce((a, b) => a + b) * 0.6 / (runs / 1000)).toFixed(3)} s per 1,000 checks`);
say(`  memory: ${rss(pid).toFixed(0)} MB resident (bound 300), ${rss(pid, 'RssAnon').toFixed(0)} MB of its own, ${(rss(pid, 'RssAnon') * 1024 / total).toFixed(2)} KB a check; peak ${rss(pid, 'VmHWM').toFixed(0)} MB`);
say(`  archive: ${count(after.store.rows_written - before.store.rows_written)} rows written; ${((ioAfter.write_bytes - ioBefore.write_bytes) / runs).toFixed(0)} bytes, ${((ioAfter.syscr + ioAfter.syscw - ioBefore.syscr - ioBefore.syscw) / runs).toFixed(2)} reads and writes a sample; ${count(after.store.pending_samples)} pending; ${count(made())} folders`);
say(`  a municipality's page meanwhile: median ${median(pages).toFixed(1)} ms, p99 ${quantile(pages, 0.99).toFixed(1)} ms, slowest ${Math.max(...pages).toFixed(1)} ms (bound 20)${odd.length ? `; ${odd.length} not answered: ${[...new Set(odd)]}` : ''}`);

// ---- a reload of one changed site ----

writeTown(0, ' (cambiato)');
const lateBefore = ctl('status').checks.lateness;
const reload = Date.now();
ctl('reload');
const took = Date.now() - reload;
await sleep(3000);
const lateAfter = ctl('status').checks.lateness;
const late = lateAfter.filter(([le, n], i) => (le === null || le > 0.1) && n > lateBefore[i][1]).length;
say(`  reload of one changed site: ${took} ms (bound 2000); checks over 100 ms late by it: ${late === 0 ? 'none' : 'some'}`);
process.exit(0);
