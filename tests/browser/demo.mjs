// The demo town for a test: the town, its daemon, an own folder, free ports.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const source = process.env.top_srcdir || '.';
const build = process.env.top_builddir || '.';
const START_MS = 30000;

// Waits for a line of a program's output. -> the match
function waitFor(child, stream, pattern, name) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`${name} did not start: ${text.slice(-2000)}`)), START_MS);
    stream.setEncoding('utf8');
    stream.on('data', (data) => {
      text = (text + data).slice(-65536);
      const match = text.match(pattern);
      if (!match) return;
      clearTimeout(timer);
      resolve(match);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with ${code}: ${text.slice(-2000)}`));
    });
  });
}

function stopChild(child, end) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    const timer = setTimeout(() => child.kill('SIGKILL'), 10000);
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    end();
  });
}

// -> {url, stop()}; stop gives the daemon's exit code and its log
export async function startDemo() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vetrina-browser-'));
  const townFolder = path.join(folder, 'town');
  fs.mkdirSync(townFolder);
  const town = spawn(path.join(build, 'tests/lib/town'), ['0', '0', townFolder],
    { stdio: ['pipe', 'pipe', 'inherit'] });
  const [, http, https] = await waitFor(town, town.stdout, /http (\d+) https (\d+)/, 'town');

  const file = path.join(folder, 'vetrina.yaml');
  fs.writeFileSync(file, fs.readFileSync(path.join(source, 'etc/demo.yaml'), 'utf8')
    .replace(/127\.0\.0\.1:808[01](?="\])/g, '127.0.0.1:0')
    .replaceAll(':18401/', `:${http}/`)
    .replaceAll(':18402/', `:${https}/`));
  const seed = spawnSync(path.join(build, 'tests/lib/town_seed'), [file], { encoding: 'utf8' });
  if (seed.status !== 0) throw new Error(`town_seed ended with ${seed.status}: ${seed.stderr}`);

  const daemon = spawn(path.join(build, 'vetrinad'), ['-f', '-c', file],
    { stdio: ['ignore', 'inherit', 'pipe'] });
  let log = '';
  const [, address] = await waitFor(daemon, daemon.stderr, /ready on (?:http:\/\/)?([\d.]+:\d+)/, 'vetrinad');
  daemon.stderr.on('data', (data) => { log = (log + data).slice(-65536); });
  return {
    url: `http://${address}`,
    async stop() {
      const code = await stopChild(daemon, () => daemon.kill('SIGTERM'));
      await stopChild(town, () => town.stdin.end());
      fs.rmSync(folder, { recursive: true, force: true });
      return { code, log };
    },
  };
}
