// The daemon as its machine knows it: started by a script or by systemd, watched, signalled
// at any moment, reloaded while something is wrong, stopped in the middle of it all.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import {
  atEnd, between, build, endsWell, equal, freePorts, listen, ok, run, scenario, site, start, tempFolder, until,
  vetrinad,
} from '../lib/scenario.mjs';

const program = path.join(build, 'vetrinad');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const says = (text, pattern) => (pattern.test(text) ? [] : [`no ${pattern} in: ${text}`]);

function configured(folder, target, more = {}) {
  return {
    listen: { public: ['127.0.0.1:0'], admin: ['127.0.0.1:0'], control: path.join(folder, 'control.sock') },
    store: { path: path.join(folder, 'store'), retention: ['1s:1h'] },
    sites: { borgo: site({ sito: { public: true, checks: { c: { every: '1s', timeout: '1s', http: target } } } }) },
    ...more,
  };
}

const write = (file, configuration) => fs.writeFileSync(file, JSON.stringify(configuration));
const ask = (folder, ...words) =>
  run(path.join(build, 'vetrinactl'), ['-s', path.join(folder, 'control.sock'), ...words]);

async function background(target) {
  const folder = tempFolder('background');
  const file = path.join(folder, 'vetrina.yaml');
  write(file, configured(folder, target));
  const options = { stdio: ['pipe', 'pipe', 'pipe'] };
  const first = await run(program, ['-c', file], options);
  const status = JSON.parse((await ask(folder, '--json', 'status')).out || '{}');
  if (status.pid) atEnd(() => { try { process.kill(status.pid, 'SIGKILL'); } catch { /* it ended */ } });
  ok('in the background it is ready when the command ends', [
    ...equal('exit code', first.code, 0),
    ...between('its process', status.pid, 2, 1e9),
    ...equal('its folder', status.pid && fs.readlinkSync(`/proc/${status.pid}/cwd`), '/'),
  ]);
  const control = { ...configured(folder, target), listen: { public: [], admin: [], control: path.join(folder, 'b.sock') } };
  write(file, control);
  const second = await run(program, ['-c', file], options);
  ok('what fails there is told before the command ends', [
    ...equal('exit code', second.code, 1), ...says(second.error, /in use by another process/),
  ]);
  process.kill(status.pid, 'SIGTERM');
  await until('it is gone', () => !fs.existsSync(`/proc/${status.pid}`));
}

async function watched(target) {
  const folder = tempFolder('watched');
  const socket = path.join(folder, 'notify');
  const systemd = start('notify', path.join(build, 'tests/lib/notify'), [socket]);
  await systemd.until(/listening/);
  Object.assign(process.env, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '900000' });
  const daemon = await vetrinad(folder, configured(folder, target));
  delete process.env.NOTIFY_SOCKET;
  delete process.env.WATCHDOG_USEC;
  await systemd.until(/^READY=1$/m);
  const pings = () => systemd.output().split('\n').filter((line) => line === 'WATCHDOG=1').length;
  await until('three pings', () => pings() >= 3);
  const from = Date.now(), before = pings();
  await until('three more', () => pings() >= before + 3);
  ok('a loop that lives keeps its watchdog quiet', between('seconds', (Date.now() - from) / 1000, 0.5, 2.5));
  process.kill(daemon.pid, 'SIGSTOP');
  await sleep(100);
  const held = pings();
  await sleep(1500);
  const hung = await run(path.join(build, 'vetrinactl'), ['-s', daemon.control, '--wait', '1s', 'status']);
  ok('a loop that hangs does not', equal('pings', pings() - held, 0));
  ok('nor does it hold vetrinactl', [
    ...equal('exit code', hung.code, 3), ...says(hung.error, /no answer within 1s/),
  ]);
  process.kill(daemon.pid, 'SIGCONT');
  await until('it goes on', () => pings() > held);
  await endsWell(daemon);
  ok('its end is told', says(systemd.output(), /^STOPPING=1$/m));
}

// From the moment on at which it reads its configuration, as systemctl reload sends it.
async function hangup(target) {
  const folder = tempFolder('hangup');
  const file = path.join(folder, 'vetrina.yaml');
  write(file, configured(folder, target));
  const daemon = start('vetrinad', program, ['-f', '-c', file]);
  const told = (name) => {
    const text = fs.readFileSync(`/proc/${daemon.child.pid}/status`, 'utf8');
    return BigInt(`0x${text.match(new RegExp(`${name}:\\s+([0-9a-f]+)`))[1]}`) & 1n;
  };
  while (!told('SigBlk') && !told('SigCgt') && !/ready/.test(daemon.output())) await sleep(1);
  for (let i = 0; i < 50; i++) {
    daemon.child.kill('SIGHUP');
    await sleep(i % 5);
  }
  await daemon.until(/is ready on/);
  await daemon.until(/configuration .* loaded/);
  ok('SIGHUP during the start is a reload', equal('exit code', await daemon.stop(), 0));
}

async function reloads(target) {
  const folder = tempFolder('reloads');
  const good = configured(folder, target);
  const daemon = await vetrinad(folder, good);
  const busy = net.createServer();
  const [port] = await freePorts(1);
  await new Promise((resolve) => busy.listen(port, '127.0.0.1', resolve));
  const page = async (address) => (await fetch(`http://${address}/`).catch(() => ({}))).status;

  write(daemon.file, { ...good, listen: { ...good.listen, public: [`127.0.0.1:${port}`] } });
  let answer = await daemon.ctl('reload');
  let status = await daemon.json('status');
  ok('an address in use leaves the pages where they are', [
    ...equal('exit code', answer.code, 1), ...says(answer.error, new RegExp(`127\\.0\\.0\\.1:${port}.*in use`)),
    ...equal('page', await page(daemon.status.public), 200), ...equal('public', status.public, daemon.status.public),
    ...equal('ok', status.config.ok, false),
  ]);
  await new Promise((resolve) => busy.close(resolve));
  answer = await daemon.ctl('reload');
  ok('once it is free, a reload takes it', [
    ...equal('exit code', answer.code, 0), ...equal('page', await page(`127.0.0.1:${port}`), 200),
    ...equal('ok', (await daemon.json('status')).config.ok, true),
  ]);
  write(daemon.file, { ...good, listen: { ...good.listen, public: [`127.0.0.1:${port}`, '127.0.0.1:0'] } });
  process.kill(daemon.pid, 'SIGHUP'); // and who asks meanwhile is answered after it
  answer = await daemon.ctl('reload');
  ok('one more address beside it', [
    ...equal('exit code', answer.code, 0), ...equal('page', await page(`127.0.0.1:${port}`), 200),
  ]);

  const taken = path.join(folder, 'taken');
  const file = path.join(folder, 'file');
  const owner = net.createServer();
  await new Promise((resolve) => owner.listen(taken, resolve));
  write(daemon.file, { ...good, listen: { ...good.listen, control: taken } });
  answer = await daemon.ctl('reload');
  fs.writeFileSync(file, 'precious');
  write(daemon.file, { ...good, listen: { ...good.listen, control: file } });
  const second = await daemon.ctl('reload');
  ok('a control socket that cannot be made leaves the one that is', [
    ...equal('exit code', answer.code, 1), ...says(answer.error, /taken: Address already in use/),
    ...equal('exit code', second.code, 1), ...says(second.error, /listen\.control: .*file cannot be made/),
    ...equal('the file', fs.readFileSync(file, 'utf8'), 'precious'),
    ...equal('status', (await daemon.ctl('status')).code, 0),
  ]);
  await new Promise((resolve) => owner.close(resolve));
  fs.writeFileSync(daemon.file, '');
  answer = await daemon.ctl('reload');
  status = await daemon.json('status');
  ok('a file that an editor has just emptied is refused', [
    ...equal('exit code', answer.code, 1), ...says(answer.error, /no sites/), ...equal('checks', status.checks.total, 1),
  ]);
  const other = path.join(folder, 'other.sock');
  write(daemon.file, { ...good, listen: { ...good.listen, control: other } });
  answer = await daemon.ctl('reload');
  ok('a control socket moves after its last answer', [
    ...equal('exit code', answer.code, 0), ...equal('the old one', fs.existsSync(daemon.control), false),
    ...equal('the new one', (await run(path.join(build, 'vetrinactl'), ['-s', other, 'status'])).code, 0),
  ]);
  await endsWell(daemon);
}

// SIGTERM while a reload is under way that moves everything, and takes its time.
async function stopsAnywhere(target) {
  const services = {};
  for (let i = 0; i < 2000; i++)
    services[`s${i}`] = { checks: { c: { every: '1h', http: `${target}${i}` } } };
  const problems = [];
  for (let i = 0; i < 4; i++) {
    const folder = tempFolder('stop');
    const daemon = await vetrinad(folder, configured(folder, target));
    const control = path.join(folder, 'x.sock');
    write(daemon.file, { ...configured(folder, target), listen: { public: ['127.0.0.1:0', '127.0.0.1:0'], admin: [], control }, sites: { altro: site(services) } });
    process.kill(daemon.pid, 'SIGHUP');
    await sleep(10 + 10 * i);
    const code = await daemon.stop('SIGTERM');
    if (code !== 0) problems.push(`exit ${code}: ${daemon.log().slice(-2000)}`);
    for (const left of ['x.sock', 'control.sock'])
      if (fs.existsSync(path.join(folder, left))) problems.push(`${left} is left`);
  }
  ok('it stops in order in the middle of a reload', problems);
}

// Nothing is measured while the loop lives: every run hangs, three hours pass.
async function stale(target, hold) {
  const folder = tempFolder('stale');
  const hand = path.join(folder, 'hand');
  fs.writeFileSync(hand, '0');
  Object.assign(process.env, { CLOCKSHIM: hand, LD_PRELOAD: path.join(build, 'tests/lib/clockshim.so') });
  process.env.ASAN_OPTIONS = `${process.env.ASAN_OPTIONS || ''}:verify_asan_link_order=0`;
  const configuration = configured(folder, target);
  Object.assign(configuration.sites.borgo.services.sito.checks.c, { every: '1h', timeout: '20s' });
  const daemon = await vetrinad(folder, configuration);
  delete process.env.LD_PRELOAD;
  const verdict = async () => (await daemon.json('checks')).checks[0].verdict;
  await until('it is up', async () => await verdict() === 'up');
  const board = async () => (await fetch(`${daemon.url}/servizi/sito.json`)).json();
  const page = async () => (await fetch(`${daemon.url}/servizi/sito`)).text();
  const fresh = await board();
  hold();
  fs.writeFileSync(hand, String(3 * 3600));
  await until('the step is seen', async () => (await daemon.json('status')).clock_steps === 1);
  const old = await board();
  const metrics = await (await fetch(`http://${daemon.status.admin}/metrics`)).text();
  ok('when probing stops, pages say so', [
    ...equal('before', fresh.stale_text ?? null, null), ...says(String(old.stale_text), /./),
    ...says(await page(), new RegExp(old.stale_text?.slice(0, 20) ?? 'stale')),
    ...equal('verdict', await verdict(), 'unknown'),
    ...says(metrics, /^vetrina_check_known\{.*\} 0$/m),
    ...(/^vetrina_check_up\{/m.test(metrics) ? ['vetrina_check_up'] : []),
  ]);
  await endsWell(daemon);
}

await scenario(async () => {
  let held = false;
  const port = await listen(http.createServer((request, response) => {
    if (!held) response.end('Servizio attivo');
  }));
  const target = `http://127.0.0.1:${port}/`;
  await background(target);
  await watched(target);
  await hangup(target);
  await reloads(target);
  await stopsAnywhere(target);
  await stale(target, () => { held = true; });
});
