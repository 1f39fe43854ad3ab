// Servers that misbehave in the ways that nginx does not know.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { listen, start, until } from './scenario.mjs';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';

// A socket server: answer(socket) is called once the request's head came. It counts.
async function answering(answer) {
  const seen = { requests: 0 };
  seen.port = await listen(net.createServer((socket) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      text = '';
      seen.requests++;
      answer(socket);
    });
  }));
  return seen;
}

export const slowFirstByte = (ms) => answering((socket) =>
  setTimeout(() => socket.end(`${HEAD}Content-Length: 5\r\n\r\nhello`), ms));
export const neverAnswers = () => answering(() => {});
// One byte of the body every ms, count of them; the connection stays open.
export const dripping = (ms, count) => answering((socket) => {
  socket.write(`${HEAD}Content-Length: ${count}\r\n\r\n`);
  let sent = 0;
  const timer = setInterval(() => {
    socket.write('.');
    if (++sent === count) clearInterval(timer);
  }, ms);
  socket.on('close', () => clearInterval(timer));
});
export const closesMidBody = () => answering((socket) =>
  socket.end(`${HEAD}Content-Length: 1000\r\n\r\nonly this much`));
export const closesAtOnce = () => answering((socket) => socket.end());
export const speaksOtherwise = () => answering((socket) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'));
export const echoesHeaders = async () => {
  const server = http.createServer((request, response) => response.end(JSON.stringify(request.headers)));
  return { port: await listen(server) };
};

const program = (backlog, then) => `
const server = require('node:http').createServer((request, response) => response.end('hello'));
server.listen({ host: '127.0.0.1', port: 0, backlog: ${backlog} }, () => {
  require('node:fs').writeSync(1, 'port ' + server.address().port + '\\n');
  ${then}
});`;

// Never accepts, and its queue is full: a connection stays half open.
export async function neverAccepts() {
  const deaf = start('deaf server', process.execPath, ['-e',
    program(1, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);')]);
  const port = Number((await deaf.until(/port (\d+)/))[1]);
  const fillers = Array.from({ length: 8 }, () => net.connect({ host: '127.0.0.1', port }));
  let connected = 0;
  for (const filler of fillers) {
    filler.on('error', () => {});
    filler.on('connect', () => connected++);
    filler.unref();
  }
  await until('a full queue', () => connected >= 2);
  return { port };
}

// A server that can be frozen: the kernel connects for it, nobody accepts.
export async function freezable() {
  const server = start('freezable server', process.execPath, ['-e', program(16, '')]);
  const port = Number((await server.until(/port (\d+)/))[1]);
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  // local address:port, remote, state 01 (established), tx_queue:rx_queue
  const waits = new RegExp(`^ *\\d+: [0-9A-F]+:${hex} [0-9A-F:]+ 01 [0-9A-F]+:0*[1-9A-F][0-9A-F]* `, 'm');
  return {
    port,
    freeze: () => server.child.kill('SIGSTOP'),
    thaw: () => server.child.kill('SIGCONT'),
    // A request lies unread.
    asked: () => until('a request', () => waits.test(fs.readFileSync('/proc/net/tcp', 'latin1'))),
  };
}
