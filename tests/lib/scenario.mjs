// What a scenario needs: a folder of its own, free ports, programs that end with the
// test whatever happens, vetrinad and vetrinactl of this build. Nothing here waits
// without a bound, and nothing sleeps where an event can be awaited.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { bailOut, finish, note, ok, skipAll } from './tap.mjs';

export const source = path.resolve(process.env.top_srcdir || '.');
export const build = path.resolve(process.env.top_builddir || '.');

const LONG = Boolean(process.env.VETRINA_LONG);
const START_MS = LONG ? 120000 : 30000;
const STOP_MS = LONG ? 60000 : 20000;
const SCENARIO_MS = LONG ? 5400000 : 180000;
const SANITIZER = /ERROR: (Address|Leak)Sanitizer|runtime error:|Assertion .* failed/;

const cleanups = [];
// What a test made goes in the reverse order.
export const atEnd = (cleanup) => cleanups.push(cleanup);

async function cleanUp() {
  while (cleanups.length) {
    try {
      await cleanups.pop()();
    } catch (error) {
      note(`cleaning up: ${error.message}`);
    }
  }
}

// Runs a scenario: its programs are gone and its plan is told when this returns.
export async function scenario(run, limit = SCENARIO_MS) {
  const timer = setTimeout(() => {
    bailOut(new Error(`the scenario took over ${limit / 1000} s`));
    cleanUp().finally(() => process.exit(1));
  }, limit);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => cleanUp().finally(() => process.exit(1)));
  try {
    await run();
    await cleanUp();
    finish();
  } catch (error) {
    bailOut(error);
    await cleanUp();
    process.exitCode = 1;
  }
  clearTimeout(timer);
}

export function tempFolder(name) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `vetrina-${name}-`));
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// Ports that were free a moment ago, all different: they are taken all at once first. They
// are below those that the kernel gives to who asks for any, as other tests do.
export async function freePorts(count, host = '127.0.0.1') {
  const servers = [];
  let tries = 0;
  while (servers.length < count) {
    const server = net.createServer();
    const port = 10000 + Math.floor(Math.random() * 22000);
    const error = await new Promise((resolve) => {
      server.once('error', resolve);
      server.listen({ host, port }, () => resolve(null));
    });
    if (!error) servers.push(server);
    else if (error.code !== 'EADDRINUSE' || ++tries > 1000) throw error;
  }
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export const canListen = (host) => freePorts(1, host).then(() => true, () => false);

// Listens on a free port of this process until the end. -> the port
export async function listen(server, options = {}) {
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, ...options }, resolve);
  });
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  atEnd(() => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  }));
  return server.address().port;
}

// Where a program is, or null.
export function which(name) {
  const folders = `${process.env.PATH || ''}:/usr/sbin:/usr/local/sbin`.split(':');
  return folders.map((folder) => path.join(folder, name)).find((file) => {
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }) || null;
}

export function need(...names) {
  for (const name of names)
    if (!which(name)) skipAll(`${name} is not installed`);
}

// A program that runs until it is stopped. -> {child, ended, output(), until(pattern), stop()}
export function start(name, file, args, options = {}) {
  const child = spawn(which(file) || file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const program = { child, text: '', waiting: [] };
  const check = () => {
    program.waiting = program.waiting.filter(({ pattern, resolve }) => {
      const match = program.text.match(pattern);
      if (match) resolve(match);
      return !match;
    });
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (data) => {
      program.text += data;
      check();
    });
  }
  program.ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  program.output = () => program.text;
  program.until = (pattern, limit = START_MS) => new Promise((resolve, reject) => {
    const give = (words) => reject(new Error(`${name} ${words}: ${program.text.slice(-3000)}`));
    const timer = setTimeout(() => give(`did not say ${pattern} in ${limit} ms`), limit);
    program.waiting.push({
      pattern,
      resolve: (match) => {
        clearTimeout(timer);
        resolve(match);
      },
    });
    program.ended.then((code) => {
      clearTimeout(timer);
      give(`ended with ${code}`);
    });
    check();
  });
  // -> its exit code or the signal that it took
  program.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const code = await program.ended;
    clearTimeout(timer);
    return code;
  };
  atEnd(() => program.stop());
  return program;
}

// A program that ends by itself. -> {code, out, error}
export async function run(file, args, options = {}) {
  const { input, ...rest } = options;
  const child = spawn(which(file) || file, args, { timeout: START_MS, ...rest });
  let out = '', error = '';
  child.stdout.setEncoding('utf8').on('data', (data) => { out += data; });
  child.stderr.setEncoding('utf8').on('data', (data) => { error += data; });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(status ?? signal));
  });
  return { code, out, error };
}

// The same, and it must go well. -> what it wrote
export async function must(file, args, options) {
  const { code, out, error } = await run(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: ${code}: ${out}${error}`);
  return out;
}

// Asks until the answer is not falsy. -> the answer
export async function until(what, ask, limit = START_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not in ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// The daemon on a configuration: an object (YAML takes JSON), or the whole text of a file
// whose socket is control.sock; under: what runs the program, as ['valgrind'].
// -> {folder, file, control, log(), ctl(...), json(...), stop()}
export async function vetrinad(folder, configuration, { under = [], programs = build } = {}) {
  const file = path.join(folder, 'vetrina.yaml');
  const control = path.join(folder, 'control.sock');
  fs.writeFileSync(file, typeof configuration === 'string' ? configuration : JSON.stringify({
    listen: { public: ['127.0.0.1:0'], admin: ['127.0.0.1:0'], control },
    store: { path: path.join(folder, 'store') },
    ...configuration,
  }, null, 1));
  const [first, ...args] = [...under, path.join(programs, 'vetrinad'), '-f', '-c', file];
  const program = start('vetrinad', first, args);
  const ctl = (...words) => run(path.join(programs, 'vetrinactl'), ['-s', control, ...words]);
  const daemon = {
    folder, file, control, ctl,
    pid: program.child.pid,
    log: program.output,
    async json(...args) {
      const { code, out, error } = await ctl('--json', ...args);
      if (code !== 0) throw new Error(`vetrinactl ${args.join(' ')}: ${code}: ${error}`);
      return JSON.parse(out);
    },
    stop: (signal) => program.stop(signal),
  };
  const [, address] = await program.until(/is ready on (?:http:\/\/)?(\S+)/);
  daemon.url = `http://${address}`;
  daemon.status = await daemon.json('status');
  return daemon;
}

// Ends the daemon as systemd would, and asserts that it had nothing on its mind.
export async function endsWell(daemon) {
  const code = await daemon.stop('SIGTERM');
  const found = daemon.log().match(SANITIZER);
  ok('the daemon ends in order', [
    ...(code === 0 ? [] : [`exit ${code}`, daemon.log().slice(-3000)]),
    ...(found ? [daemon.log().slice(found.index, found.index + 3000)] : []),
  ]);
}

// A site with services that need no words. services: {id: {checks}}
export function site(services) {
  return {
    name: 'Comune di Prova',
    url: 'http://localhost',
    languages: ['it'],
    timezone: 'Europe/Rome',
    services: Object.fromEntries(Object.entries(services).map(([id, service]) =>
      [id, { title: id, description: id, public: false, ...service }])),
  };
}

// Assertions: got against what was wanted, one problem a difference.
export const equal = (name, got, wanted) =>
  JSON.stringify(got) === JSON.stringify(wanted) ? []
    : [`${name} is ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`];
export const between = (name, got, least, most) =>
  typeof got === 'number' && got >= least && got <= most ? []
    : [`${name} is ${JSON.stringify(got)}, expected ${least} to ${most}`];

export { bailOut, note, ok, skipAll };
