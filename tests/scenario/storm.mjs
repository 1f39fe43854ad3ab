// Reloads without pause, each of another configuration, some signalled in heaps, while pages
// are asked for and checks run: nothing holds on to what is gone. VETRINA_LONG=1: longer.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { endsWell, listen, note, ok, scenario, site, tempFolder, vetrinad } from '../lib/scenario.mjs';

const ROUNDS = process.env.VETRINA_LONG ? 20 : 2;
const ROUND_MS = 5000;
const SITES = 4, SERVICES = 10;
const PAGES = ['/', '/servizi/s1', '/servizi/s1.json', '/index.json', '/api/v1/services', '/api/v1/series/s1/c/total'];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let seed = Number(process.env.SEED) || Date.now() % 1e6;
note(`SEED=${seed}`);
const random = (n) => {
  seed = (seed * 48271) % 2147483647;
  return seed % n;
};

function services(port) {
  const check = (more) => ({ every: `${1 + random(2)}s`, timeout: '1s', required: random(3) > 0, http: { url: `http://127.0.0.1:${port}/`, ...more } });
  const all = {};
  for (let i = 0; i < SERVICES; i++)
    if (random(5) > 0)
      all[`s${i}`] = {
        public: true, public_detail: random(2) > 0,
        checks: { c: check({ match: 'attivo', headers: ['X-A: b'], follow: random(2) }), d: check({}) },
      };
  return all;
}

// Sites come and go, and so do their services, checks, addresses and retention.
function configuration(folder, port) {
  const sites = {};
  for (let i = 0; i < SITES; i++)
    if (i === 0 || random(3) > 0)
      sites[`b${i}`] = { ...site(services(port)), url: i === 0 ? 'http://localhost' : `http://localhost/p${i}` };
  return {
    listen: {
      public: random(8) > 0 ? ['127.0.0.1:0'] : ['127.0.0.1:0', `unix:${folder}/public.sock`],
      admin: ['127.0.0.1:0'], control: path.join(folder, 'control.sock'),
    },
    store: { path: path.join(folder, 'store'), flush: '10s', retention: random(4) > 0 ? ['1s:1h'] : ['1s:2h', '1m:1d'] },
    sites,
  };
}

const get = (address, page) => new Promise((resolve) => {
  http.get(`http://${address}${page}`, { headers: { host: 'localhost' }, agent: false }, (response) => {
    response.resume().on('close', () => resolve(response.statusCode));
  }).on('error', (error) => resolve(error.code));
});

async function round(folder, port, seen) {
  const daemon = await vetrinad(folder, configuration(folder, port));
  let on = true;
  const visit = async () => {
    while (on) {
      const status = JSON.parse((await daemon.ctl('--json', 'status')).out || '{}');
      for (const page of PAGES) {
        const code = await get(status.public, `${['', '', '/p1', '/p2', '/p3'][random(5)]}${page}`);
        seen[code] = (seen[code] || 0) + 1;
      }
      await get(status.admin, '/metrics');
    }
  };
  const command = async () => {
    while (on) {
      await daemon.ctl('check', `b${random(SITES)}/s${random(SERVICES)}/c`, '--now');
      await daemon.ctl('services');
      await daemon.ctl('flush');
    }
  };
  const visitors = [visit(), visit(), command(), command()];
  const end = Date.now() + ROUND_MS;
  while (Date.now() < end) {
    fs.writeFileSync(daemon.file, JSON.stringify(configuration(folder, port)));
    for (let i = random(5); i > 0; i--) process.kill(daemon.pid, 'SIGHUP');
    if (random(3) === 0) await daemon.ctl('reload');
    await sleep(random(300));
  }
  fs.writeFileSync(daemon.file, JSON.stringify(configuration(folder, port)));
  process.kill(daemon.pid, 'SIGHUP');
  await sleep(random(6));
  const ended = endsWell(daemon);
  on = false;
  await Promise.all([ended, ...visitors]);
}

await scenario(async () => {
  const folder = tempFolder('storm');
  const port = await listen(http.createServer((request, response) =>
    setTimeout(() => response.end('attivo '.repeat(request.url === '/' ? 1 : 20000)), random(400))));
  const seen = {};
  for (let i = 0; i < ROUNDS; i++) await round(folder, port, seen);
  note(JSON.stringify(seen));
  ok('pages came, and no error of ours', [
    ...(seen[200] > 20 ? [] : ['too few']), ...(seen[500] || seen[503] ? [JSON.stringify(seen)] : []),
  ]);
});
