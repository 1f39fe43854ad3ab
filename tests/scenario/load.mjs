// Others' faults do not disturb the polling: a thousand targets that hang, and visitors
// that are slow, many or broken.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { between, endsWell, equal, listen, note, ok, scenario, site, tempFolder, vetrinad } from '../lib/scenario.mjs';

const VISITOR = '127.0.0.77'; // the address that the crowd comes from

const HUNG = 1000;
const HEALTHY = 20;
const IDLE = 1000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const healthy = async (daemon) => (await daemon.json('checks')).checks.filter((check) => check.check === 'good');

// What the healthy checks did over some seconds.
async function watch(daemon, seconds, during) {
  const before = await healthy(daemon);
  await Promise.all([sleep(seconds * 1000), during?.()]);
  const after = await healthy(daemon);
  const status = await daemon.json('status');
  const missed = after.reduce((sum, check, i) => sum + check.missed - before[i].missed, 0);
  const late = Math.max(...after.map((check) => check.late));
  note(`missed ${missed}, last lateness at most ${late.toFixed(4)} s, ${status.checks.running} running`);
  return [
    ...equal('missed slots', missed, 0), ...between('lateness', late, -0.01, 0.5),
    ...after.filter((check) => check.verdict !== 'up').map((check) => `${check.service}: ${check.message}`),
  ];
}

async function crowd(url) {
  const { port, hostname } = new URL(url);
  const sockets = [];
  const dial = () => {
    const socket = net.connect({ port: Number(port), host: hostname, localAddress: VISITOR });
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  };
  for (let i = 0; i < IDLE; i++) dial();
  for (let i = 0; i < 20; i++) {
    const drip = dial();
    const head = `GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: ${'x'.repeat(200)}\r\n\r\n`;
    let n = 0;
    const timer = setInterval(() => {
      if (n >= head.length || drip.destroyed) clearInterval(timer);
      else drip.write(head[n++]);
    }, 25);
    dial().write(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(100000)}\r\n\r\n`);
    dial().write(`GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(50000)}`);
    dial().write('\x16\x03\x01garbage\r\n\r\n\0\0\0');
    const half = dial();
    half.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    half.once('data', () => half.destroy());
  }
  await sleep(3000);
  return () => sockets.forEach((socket) => socket.destroy());
}

await scenario(async () => {
  const folder = tempFolder('load');
  const good = await listen(http.createServer((request, response) => response.end('Servizio attivo')));
  const hung = await listen(net.createServer(() => {}), { backlog: 4096 });
  const services = {};
  for (let i = 0; i < HEALTHY; i++)
    services[`good${i}`] = { public: true, checks: { good: { every: '1s', timeout: '1s', http: `http://127.0.0.1:${good}/${i}` } } };
  for (let i = 0; i < HUNG; i++)
    services[`hung${i}`] = { checks: { hung: { every: '10s', timeout: '5s', http: `http://127.0.0.1:${hung}/${i}` } } };
  const daemon = await vetrinad(folder, {
    store: { path: `${folder}/store`, retention: ['1m:1h'] }, sites: { borgo: site(services) },
  });
  await sleep(12000);
  ok('a thousand targets that hang leave the healthy ones their schedule', await watch(daemon, 8));
  const all = (await daemon.json('checks')).checks.filter((check) => check.check === 'hung');
  ok('and are told from each other', [
    ...all.filter((check) => check.class !== 'first_byte_timeout').slice(0, 3)
      .map((check) => `${check.service}: ${check.class}`),
  ]);
  let leave;
  ok('slow, many and broken visitors do not disturb the polling', await watch(daemon, 8, async () => {
    leave = await crowd(daemon.url);
  }));
  const response = await fetch(`${daemon.url}/`);
  ok('and one more is served', equal('status', response.status, 200));
  leave();
  ok('no visitor is named in the log', daemon.log().includes(VISITOR) ? [VISITOR] : []);
  fs.writeFileSync(`${folder}/log`, daemon.log());
  await endsWell(daemon);
});
