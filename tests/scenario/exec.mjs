// The exec collector with Debian's monitoring-plugins: verdicts, performance data in the
// archive as rrdtool reads it, in /metrics and the API, and nothing left when it ends.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import {
  between, endsWell, equal, listen, must, need, ok, run, scenario, site, skipAll, tempFolder,
  until, vetrinad,
} from '../lib/scenario.mjs';

const PLUGINS = '/usr/lib/nagios/plugins';
const MARK = `vetrina-exec-${process.pid}`;

await scenario(async () => {
  need('rrdtool');
  if (!fs.existsSync(`${PLUGINS}/check_dummy`)) skipAll('monitoring-plugins are not installed');
  const folder = tempFolder('exec');
  const count = path.join(folder, 'count');
  const leaf = path.join(folder, 'leaf.sh');
  fs.writeFileSync(count, '0');
  // A child that would outlive its plugin, found again by its argument.
  fs.writeFileSync(leaf, `#!/bin/sh\nsleep 1000 ${MARK} & echo 'OK - leaf'\n`, { mode: 0o755 });
  const server = net.createServer((socket) => socket.end('220 pronto\r\n'));
  const port = await listen(server);
  const exec = (command, more = {}) => ({ every: '2s', timeout: '2s', exec: { command, retry: 0, ...more } });
  const daemon = await vetrinad(folder, {
    sites: { prova: site({ prova: { checks: {
      carico: exec([`${PLUGINS}/check_load`, '-w', '9000,9000,9000', '-c', '9999,9999,9999'],
        { values: { load1: {}, quindici: { label: 'load15' } } }),
      disco: exec([`${PLUGINS}/check_disk`, '-w', '1', '-c', '0', '-p', '/dev'],
        { values: { usati: { label: '/dev', unit: 'bytes' } } }),
      eco: exec([`${PLUGINS}/check_ping`, '-H', '127.0.0.1', '-p', '1', '-w', '100,50%', '-c', '500,90%'],
        { values: { rta: { unit: 's' }, pl: {} } }),
      porta: exec([`${PLUGINS}/check_tcp`, '-H', '127.0.0.1', '-p', String(port), '-e', '220'],
        { values: { time: { unit: 's' } } }),
      chiusa: exec([`${PLUGINS}/check_tcp`, '-H', '127.0.0.1', '-p', '1']),
      attento: exec([`${PLUGINS}/check_dummy`, '1', 'quasi pieno']),
      male: exec([`${PLUGINS}/check_dummy`, '2', 'male']),
      boh: exec([`${PLUGINS}/check_dummy`, '3', 'boh']),
      contrario: exec([`${PLUGINS}/negate`, `${PLUGINS}/check_dummy`, '2', 'male']),
      perl: exec([`${PLUGINS}/check_file_age`, '-f', count, '-w', '100000', '-c', '200000'],
        { values: { age: { unit: 's' }, size: { unit: 'bytes' } } }),
      contatore: exec(['/bin/sh', '-c', `n=$(($(cat ${count}) + 100)); echo $n >${count}; echo "bene|colpi=\${n}c"`],
        { values: { colpi: { unit: '1/s' } } }),
      manca: exec([`${PLUGINS}/check_nothing`]),
      lento: exec(['/bin/sleep', '1000']),
      foglia: exec([leaf]),
    } } }) },
  });

  const checks = async () => Object.fromEntries(
    (await daemon.json('checks')).checks.map((check) => [check.check, check]));
  const expected = {
    carico: ['up', 'ok', /^LOAD OK/], disco: ['up', 'ok', /^DISK OK/], eco: ['up', 'ok', /^PING OK/],
    porta: ['up', 'ok', /^TCP OK/], chiusa: ['down', 'status', /refused/],
    attento: ['degraded', 'ok', /^WARNING: quasi pieno$/], male: ['down', 'status', /^CRITICAL: male$/],
    boh: ['unknown', 'internal', /^the plugin could not tell: UNKNOWN: boh$/],
    contrario: ['up', 'ok', /^CRITICAL: male$/], perl: ['up', 'ok', /^FILE_AGE OK/],
    contatore: ['up', 'ok', /^bene$/],
    manca: ['unknown', 'internal', /check_nothing cannot be run: No such file or directory$/],
    lento: ['down', 'read_timeout', /^\/bin\/sleep did not end within 2s and was killed$/],
    foglia: ['up', 'ok', /^OK - leaf$/],
  };
  const asExpected = (check) => {
    const [verdict, reason, message] = expected[check.check];
    return check.verdict === verdict && check.class === reason && message.test(check.message);
  };
  // A busy machine may let one run out of its time: the next is as good.
  let all;
  for (const end = Date.now() + 60e3; Date.now() < end;) {
    all = await checks();
    if (Object.values(all).every(asExpected) && all.contatore.last.values.colpi > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  for (const [name, [verdict, reason, message]] of Object.entries(expected))
    ok(name, [
      ...equal('verdict', all[name].verdict, verdict),
      ...equal('class', all[name].class, reason),
      ...(message.test(all[name].message) ? [] : [`message is ${all[name].message}`]),
    ]);

  ok('performance data in base units', [
    ...between('load1', all.carico.last.values.load1, 0, 1000),
    ...between('used bytes of /dev', all.disco.last.values.usati, 0, 1e15),
    ...between('round trip', all.eco.last.values.rta, 1e-6, 0.1),
    ...equal('packets lost', all.eco.last.values.pl, 0),
    ...between('connect', all.porta.last.values.time, 0, 1),
    ...between('age of a file', all.perl.last.values.age, 0, 60),
    ...between('a counter is a rate', all.contatore.last.values.colpi, 10, 400),
    ...between('exit code', all.male.last.values.exit_code, 2, 2),
    ...between('duration', all.carico.last.values.total, 1e-4, 2),
  ]);

  await daemon.ctl('flush');
  const info = await must('rrdtool', ['info', path.join(folder, 'store/prova/rrd/prova/eco.rrd')]);
  const fetched = await must('rrdtool', ['lastupdate', path.join(folder, 'store/prova/rrd/prova/eco.rrd')]);
  ok('rrdtool reads them', [
    ...['total', 'exit_code', 'rta', 'pl'].filter((name) => !info.includes(`ds[${name}].type`))
      .map((name) => `no data source ${name}`),
    ...equal('names', fetched.trim().split('\n')[0].trim().split(/\s+/), ['up', 'known', 'total', 'exit_code', 'rta', 'pl']),
  ]);
  const metrics = await (await fetch(`http://${daemon.status.admin}/metrics`)).text();
  ok('metrics have them', [
    [/vetrina_check_phase_seconds\{[^}]*check="eco"[^}]*phase="rta"\} [\d.e-]+/, 'rta'],
    [/vetrina_check_value_bytes\{[^}]*check="disco"[^}]*source="usati"\} [\d.e+]+/, 'usati'],
    [/vetrina_programs_started_total [1-9]/, 'programs'], [/vetrina_programs_killed_total [1-9]/, 'killed'],
    [/vetrina_check_value\{[^}]*check="contatore"[^}]*source="colpi"\} [\d.]+/, 'colpi'],
  ].filter(([pattern]) => !pattern.test(metrics)).map(([, name]) => `no ${name}`));

  await endsWell(daemon);
  // Looked for when no plugin begins any more; init takes a moment to reap.
  const left = async () => (await run('pgrep', ['-f', `sleep 1000 ${MARK}`])).out.trim();
  await until('what plugins left running is gone', async () => await left() === '');
  ok('what a plugin left running is gone', equal('processes', await left(), ''));
});
