// The daemon as its administrator knows it: a configuration that is checked, reloaded and
// refused, the command line, the metrics, files that the stock tools read.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import {
  between, build, endsWell, equal, listen, must, need, ok, run, scenario, site, tempFolder, until,
  vetrinad,
} from '../lib/scenario.mjs';

need('rrdtool', 'sqlite3', 'promtool');

const program = path.join(build, 'vetrinad');

async function badFile(folder) {
  const file = path.join(folder, 'bad.yaml');
  fs.writeFileSync(file, [
    'listn: {public: ["127.0.0.1:0"]}',
    `store: {path: ${folder}/bad, flush: soon}`,
    'sites:',
    '  borgo:',
    '    name: Borgo',
    '    url: http://borgo.example',
    '    languages: [it]',
    '    timezone: Europe/Atlantis',
    '    services:',
    '      sito:',
    '        area: nowhere',
    '        checks:',
    '          portale: {every: 5s, timeout: 10s, http: {url: "ftp://x", key_file: missing.key}}',
    '',
  ].join('\n'));
  const { code, error } = await run(program, ['-t', '-c', file]);
  const lines = error.split('\n');
  const places = [
    [1, /listn.*listen/], [2, /store\.flush/], [8, /timezone.*Europe\/Atlantis/], [11, /area.*nowhere/],
    [13, /timeout/], [13, /url/], [13, /key_file.*No such file/],
  ];
  ok('every error of a file is told at once, with its place', [
    ...equal('exit code', code, 1),
    ...places.filter(([line, what]) =>
      !lines.some((text) => text.startsWith(`${file}:${line}:`) && what.test(text)))
      .map(([line, what]) => `no ${what} at line ${line} in:\n${error}`),
  ]);
  fs.writeFileSync(file, 'sites: {borgo: [}\n');
  const syntax = await run(program, ['-t', '-c', file]);
  ok('a syntax error says where and what', [
    ...equal('exit code', syntax.code, 1),
    ...(syntax.error.startsWith(`${file}:1:`) ? [] : [syntax.error]),
  ]);
}

async function goodFile(daemon) {
  const checked = await run(program, ['-t', '-c', daemon.file]);
  ok('-t tells the disk that is needed, per check and in all', [
    ...equal('exit code', checked.code, 0),
    ...(/[kM]B +borgo\/sito\/portale/.test(checked.out) && / in all under /.test(checked.out) ? [] : [checked.out]),
  ]);
  ok('to root -t says whom to ask', equal('the note',
    /^note: root can .*runuser -u vetrina -- vetrinad -t$/m.test(checked.error), process.geteuid() === 0));
  const printed = await run(program, ['-T', '-c', daemon.file]);
  const again = path.join(daemon.folder, 'again.yaml');
  fs.writeFileSync(again, printed.out);
  ok('-T prints a configuration, secrets masked', [
    ...equal('exit code', printed.code, 0),
    ...(printed.out.includes('token.txt') ? ['the secret file is named'] : []),
    ...(/every: 1s/.test(printed.out) ? [] : [printed.out]),
  ]);
}

// What the checks of a daemon measured is in its files, as the stock tools read them.
async function stockTools(daemon) {
  const name = 'borgo/sito/portale';
  await until('three samples', async () => (await daemon.json('status')).store.samples >= 3);
  const { last } = await daemon.json('check', name);
  await daemon.json('flush');
  const file = path.join(daemon.folder, 'store/borgo/rrd/sito/portale.rrd');
  const rows = (await must('rrdtool', ['fetch', file, 'AVERAGE', '-s', '-30s', '-e', '+2s', '-r', '1']))
    .split('\n').slice(2).map((line) => line.split(/:? +/)).filter((row) => row.length > 3);
  const heads = (await must('rrdtool', ['fetch', file, 'AVERAGE', '-s', '-30s', '-r', '1']))
    .split('\n')[0].trim().split(/\s+/);
  const totals = rows.map((row) => row[1 + heads.indexOf('total')]);
  const wanted = last.values.total.toExponential(10);
  ok('rrdtool reads what was measured', [
    ...equal('data sources', heads, ['up', 'known', 'dns', 'connect', 'tls', 'first_byte', 'total',
      'size', 'certificate_days']),
    ...(totals.some((total) => Number(total).toExponential(10) === wanted) ? []
      : [`${wanted} is not among ${totals.join(' ')}`]),
    ...(rows.filter((row) => row[1] === '1.0000000000e+00').length >= 3 ? [] : ['fewer than 3 rows are up']),
  ]);
  const picture = path.join(daemon.folder, 'x.png');
  await must('rrdtool', ['graph', picture, `DEF:a=${file}:total:AVERAGE`, 'LINE1:a#000000', '-s', '-60s']);
  await must('rrdtool', ['info', file]);
  ok('rrdtool draws it while the daemon runs', fs.statSync(picture).size > 500 ? [] : ['no picture']);
  const ledger = path.join(daemon.folder, 'store/borgo/ledger.sqlite');
  const found = await until('a transition on disk', async () =>
    (await run('sqlite3', ['-readonly', ledger,
      'SELECT from_verdict || \'>\' || to_verdict FROM transitions WHERE check_id = \'portale\'']))
      .out.trim());
  ok('sqlite3 reads the changes of verdict', equal('transitions', found, 'unknown>up'));
}

async function metrics(daemon) {
  const address = `http://${daemon.status.admin}`;
  const text = await (await fetch(`${address}/metrics`)).text();
  const lint = await run('promtool', ['check', 'metrics'], { input: text });
  ok('/metrics passes promtool', [...equal('exit code', lint.code, 0), ...(lint.error ? [lint.error] : [])]);
  const has = (line) => (text.includes(line) ? [] : [`no ${line} in:\n${text.slice(0, 3000)}`]);
  ok('/metrics tells of the checks', [
    ...has('vetrina_check_up{site="borgo",service="sito",check="portale"} 1'),
    ...has('vetrina_config_last_reload_successful 1'),
    ...has('vetrina_check_phase_seconds{site="borgo",service="sito",check="portale",phase="total"}'),
  ]);
  const open = await fetch(`${address}/metrics`,
    { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
  const body = await open.text();
  ok('/metrics speaks OpenMetrics when asked', [
    ...(open.headers.get('content-type').startsWith('application/openmetrics-text; version=1.0.0') ? [] : ['type']),
    ...(body.endsWith('# EOF\n') ? [] : ['no # EOF']),
  ]);
  for (const page of ['healthz', 'readyz'])
    ok(`/${page} answers`, equal('status', (await fetch(`${address}/${page}`)).status, 200));
  for (const [host, status] of [['rebound.example', 403], ['rebound.example:8081', 403], ['localhost:1', 200]])
    ok(`/metrics asked as ${host}: ${status}`, equal('status', await new Promise((done, fail) =>
      http.get(`${address}/metrics`, { headers: { host } }, (answer) => {
        answer.resume();
        done(answer.statusCode);
      }).on('error', fail)), status));
  ok('/metrics is not public', equal('status', (await fetch(`${daemon.url}/metrics`)).status, 404));
}

async function reload(daemon, configuration, port) {
  const before = (await daemon.json('checks')).checks.find((check) => check.check === 'portale');
  const next = structuredClone(configuration);
  next.sites.borgo.services.sito.checks.altro = { every: '1s', timeout: '1s', http: `http://127.0.0.1:${port}/altro` };
  next.sites.borgo.services.sito.title = 'Un altro nome';
  fs.writeFileSync(daemon.file, JSON.stringify(next));
  await daemon.json('reload');
  const checks = (await daemon.json('checks')).checks;
  const after = checks.find((check) => check.check === 'portale');
  ok('a reload adds a check and leaves the others be', [
    ...equal('checks', checks.length, 2),
    ...equal('since', after.since, before.since),
    ...equal('verdict', after.verdict, 'up'),
  ]);
  fs.writeFileSync(daemon.file, 'sites: {borgo: {nome: x}}\n');
  process.kill(daemon.pid, 'SIGHUP');
  const status = await until('the bad file is told', async () => {
    const now = await daemon.json('status');
    return !now.config.ok && now;
  });
  const text = await (await fetch(`http://${daemon.status.admin}/metrics`)).text();
  const table = await daemon.ctl('status');
  ok('a bad file leaves the old one running, and all say so', [
    ...(status.config.error.startsWith(`${daemon.file}:1:`) ? [] : [status.config.error]),
    ...(text.includes('vetrina_config_last_reload_successful 0') ? [] : ['the metric']),
    ...(daemon.log().includes('the one before goes on') ? [] : ['the log']),
    ...(/FAILED/.test(table.out) ? [] : [table.out]),
    ...equal('checks', (await daemon.json('checks')).checks.length, 2),
  ]);
  const refused = await daemon.ctl('reload');
  ok('vetrinactl reload tells the errors', [
    ...equal('exit code', refused.code, 1), ...(/:1:\d+: /.test(refused.error) ? [] : [refused.error]),
  ]);
  fs.writeFileSync(daemon.file, JSON.stringify(configuration));
  await daemon.json('reload');
  ok('a good file ends the complaint', equal('ok', (await daemon.json('status')).config.ok, true));
}

async function commands(daemon) {
  ok('status, checks and services are tables too', [
    ...(/1 up[^]*\d\.\d+ s late[^]*store +writable[^]*ledger +writable, 0/.test((await daemon.ctl('status')).out)
      ? [] : [(await daemon.ctl('status')).out]),
    ...(/borgo\/sito\/portale +http +up/.test((await daemon.ctl('checks')).out) ? []
      : [(await daemon.ctl('checks')).out]),
    ...(/^borgo\/sito +up/m.test((await daemon.ctl('services')).out) ? [] : [(await daemon.ctl('services')).out]),
  ]);
  const before = (await daemon.json('check', 'sito/portale')).last.time;
  const now = await daemon.json('check', 'sito/portale', '--now');
  ok('check --now measures', [
    ...equal('verdict', now.verdict, 'up'), ...(now.last.time >= before ? [] : ['an old result']),
    ...between('total', now.last.values.total, 0.00001, 5),
  ]);
  const codes = [
    [['nonsense'], 2], [[], 2], [['--wait', 'long', 'status'], 2], [['check'], 2], [['check', 'no/such'], 1], [['--site', 'none', 'checks'], 1],
  ];
  const problems = [];
  for (const [words, code] of codes)
    problems.push(...equal(`vetrinactl ${words.join(' ')}`, (await daemon.ctl(...words)).code, code));
  problems.push(...equal('no daemon', (await run(path.join(build, 'vetrinactl'),
    ['-s', '/nonexistent', 'status'])).code, 3));
  ok('exit codes are as the manual says', problems);
  if (process.geteuid() !== 0) return;
  // The socket's mode is one door, who asks is another: open the first.
  fs.chmodSync(daemon.folder, 0o711);
  fs.chmodSync(daemon.control, 0o666);
  const stranger = await run('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, '-e', `
    const socket = require('net').connect(${JSON.stringify(daemon.control)}, () => socket.write('{"command":"status"}\\n'));
    socket.on('data', (data) => console.log('told', String(data))).on('error', (error) => console.log(error.code)).on('close', () => console.log('closed'));
  `]);
  ok('a stranger is told nothing', [
    ...equal('told', /told .*version/.test(stranger.out), false),
    ...(/closed/.test(stranger.out) ? [] : [stranger.out + stranger.error]),
  ]);
  fs.chmodSync(daemon.control, 0o600);
}

await scenario(async () => {
  const folder = tempFolder('daemon');
  const port = await listen(http.createServer((request, response) => response.end('Servizio attivo')));
  const token = path.join(folder, 'token.txt');
  fs.writeFileSync(token, 'secret\n');
  const configuration = {
    listen: { public: ['127.0.0.1:0'], admin: ['127.0.0.1:0'], control: path.join(folder, 'control.sock') },
    store: { path: path.join(folder, 'store'), retention: ['1s:1h', '1m:1d'] },
    sites: {
      borgo: site({
        sito: {
          checks: {
            portale: {
              every: '1s', timeout: '1s',
              http: { url: `http://127.0.0.1:${port}/`, match: 'attivo', bearer_file: token },
            },
          },
        },
      }),
    },
  };
  await badFile(folder);
  const daemon = await vetrinad(folder, configuration);
  await goodFile(daemon);
  await stockTools(daemon);
  await metrics(daemon);
  await commands(daemon);
  await reload(daemon, configuration, port);
  ok('a change of verdict is told in the log',
    /borgo\/sito\/portale: unknown -> up: ok: 200, HTTP\/1\.1, 15 bytes\n/.test(daemon.log()) ? [] : [daemon.log()]);
  await endsWell(daemon);
});
