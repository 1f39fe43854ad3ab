// The daemon under valgrind for a while: checks that go well and badly, readers, commands,
// reloads, the end. No error, nothing lost for good, no descriptor left open. Long: it
// runs with make check-long, in a build without sanitizers (VETRINA_PLAIN names one if
// this is not).
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { authority, inDays } from '../lib/certificates.mjs';
import {
  build, equal, freePorts, listen, must, need, note, ok, scenario, site, skipAll, tempFolder,
  until, vetrinad,
} from '../lib/scenario.mjs';

const RUN_MS = 20000;
const programs = process.env.VETRINA_PLAIN || build;

if (!process.env.VETRINA_LONG) skipAll('long: make check-long runs it');
need('valgrind', 'readelf', 'openssl');

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/redirect') response.writeHead(302, { location: '/ok' }).end();
  else if (pathname === '/503') response.writeHead(503).end('closed');
  else if (pathname === '/json') response.end('{"state": {"queue": 3}}');
  else if (pathname === '/hang') return;
  else if (pathname === '/cut') response.writeHead(200, { 'content-length': 100 }).write('half', () => response.destroy());
  else response.end('all is well');
}

function checks(plain, tls, closed, authorityFile) {
  const at = (what, more = {}) => ({ every: '1s', timeout: '900ms', http: { url: what, ...more } });
  const here = `http://127.0.0.1:${plain}`;
  return {
    buono: at(`${here}/ok`, { match: 'all is (well|bad)' }),
    nome: at(`http://localhost:${plain}/ok`),
    giro: at(`${here}/redirect`),
    chiuso: at(`${here}/503`),
    json: at(`${here}/json`, { json: ['/state/queue < 10'] }),
    muto: at(`${here}/hang`),
    tagliato: at(`${here}/cut`),
    assente: at(`http://127.0.0.1:${closed}/`),
    ignoto: at('http://nowhere.invalid/'),
    cifrato: at(`https://localhost:${tls}/ok`, { ca_file: authorityFile }),
    sospetto: at(`https://localhost:${tls}/ok`),
    ripreso: at(`https://localhost:${tls}/ok`, { ca_file: authorityFile, reuse: 'session' }),
    tenuto: at(`${here}/ok`, { reuse: 'connection' }),
  };
}

const PAGES = ['/', '/index.json', '/servizi/', '/servizi/index.json', '/servizi/sito', '/servizi/sito.json',
  '/servizi/sito.csv', '/servizi/sito?p=7d', '/servizi/nulla', '/api/v1/services', '/api/v1/series/sito/buono/total',
  '/api/v1/series/sito/buono/nulla', '/%00', '/en/'];

async function read(daemon) {
  for (const page of PAGES)
    for (const encoding of ['identity', 'gzip', 'br'])
      await (await fetch(daemon.url + page, { headers: { 'accept-encoding': encoding } })).arrayBuffer();
  for (const page of ['/metrics', '/healthz', '/readyz'])
    await (await fetch(`http://${daemon.status.admin}${page}`)).arrayBuffer();
  for (const command of [['status'], ['checks'], ['check', 'borgo/sito/buono', '--now'], ['flush'], ['check', 'nulla']])
    await daemon.ctl('--json', ...command);
}

async function reloads(daemon, configuration) {
  const next = structuredClone(configuration);
  delete next.sites.borgo.services.sito.checks.muto;
  next.sites.borgo.services.altro = { ...next.sites.borgo.services.sito, title: 'Altro' };
  fs.writeFileSync(daemon.file, JSON.stringify(next));
  await daemon.json('reload');
  fs.writeFileSync(daemon.file, 'sites: {borgo: {nome: x}}\n');
  await daemon.ctl('reload');
  fs.writeFileSync(daemon.file, JSON.stringify(configuration));
  process.kill(daemon.pid, 'SIGHUP');
  await until('the last file is loaded', async () => (await daemon.json('status')).config.ok);
}

function judge(log) {
  const errors = log.match(/ERROR SUMMARY: (\d+) errors/);
  // valgrind's own log, and what the test was started with, are not the daemon's.
  const blocks = log.replace(/^==\d+== ?/gm, '').split(/^(?=Open )/m).filter((block) => block.startsWith('Open '));
  const open = blocks.filter((block) => !block.includes('<inherited from parent>'));
  const lost = log.match(/(definitely|indirectly) lost: ([\d,]+) bytes/g) || [];
  note(`${errors?.[0]}; ${lost.join('; ')}; ${open.length} descriptors open`);
  ok('valgrind finds no error and nothing lost', errors?.[1] === '0' ? [] : [log.slice(-20000)]);
  ok('no descriptor is left open', log.includes('FILE DESCRIPTORS: ') ? open : [log.slice(-20000)]);
}

await scenario(async () => {
  const symbols = await must('readelf', ['-Ws', path.join(programs, 'vetrinad')]);
  if (/ __asan_init/.test(symbols)) skipAll('built with sanitizers, and VETRINA_PLAIN names no other build');
  const folder = tempFolder('valgrind');
  const signer = await authority(path.join(folder, 'tls'));
  const { certificate, key } = await signer.issue('localhost', 'DNS:localhost,IP:127.0.0.1', inDays(-1), inDays(30));
  const plain = await listen(http.createServer(answer));
  const tls = await listen(https.createServer(
    { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, answer));
  const [closed] = await freePorts(1);
  const configuration = {
    listen: { public: ['127.0.0.1:0'], admin: ['127.0.0.1:0'], control: path.join(folder, 'control.sock') },
    store: { path: path.join(folder, 'store'), retention: ['1s:1h'], flush: '10s' },
    sites: { borgo: site({ sito: { public: true, checks: checks(plain, tls, closed, signer.file) } }) },
  };
  const log = path.join(folder, 'valgrind.log');
  const daemon = await vetrinad(folder, configuration, {
    programs,
    under: ['valgrind', '--leak-check=full', '--show-leak-kinds=definite,indirect',
      '--errors-for-leak-kinds=definite,indirect', '--track-fds=yes', '--num-callers=25', `--log-file=${log}`],
  });
  const end = Date.now() + RUN_MS;
  await until('samples of all that can answer', async () => (await daemon.json('status')).store.samples >= 20);
  for (let round = 0; Date.now() < end || round < 2; round++) {
    await read(daemon);
    if (round < 2) await reloads(daemon, configuration);
  }
  const seen = (await daemon.json('checks')).checks;
  note(seen.map(({ check, verdict, class: what }) => `${check} ${verdict} ${what}`).join(', '));
  ok('checks went on', equal('up', ['buono', 'nome', 'giro', 'json', 'cifrato']
    .filter((name) => seen.find(({ check }) => check === name).verdict === 'unknown'), []));
  ok('the daemon ends in order', equal('exit code', await daemon.stop('SIGTERM'), 0));
  judge(fs.readFileSync(log, 'utf8'));
});
