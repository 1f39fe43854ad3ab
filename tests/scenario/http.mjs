// The http collector against real servers: nginx for what is ordinary, small ones for
// what is not. Each target gets the right verdict, class, sentence and phases.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { authority, inDays } from '../lib/certificates.mjs';
import { judge, NONE } from '../lib/judge.mjs';
import { nginx } from '../lib/nginx.mjs';
import {
  between, canListen, endsWell, equal, freePorts, need, note, ok, scenario, site, tempFolder,
  until, vetrinad,
} from '../lib/scenario.mjs';
import * as targets from '../lib/targets.mjs';

const TOKEN = 'tok3n-nobody-shall-see';
const PASSWORD = 'passw0rd-nobody-shall-see';
const KEY = 'k3y-nobody-shall-see';
const SLOW_MS = 300;

async function certificates(folder) {
  const ca = await authority(path.join(folder, 'ca'));
  const names = 'DNS:localhost,IP:127.0.0.1';
  const [good, expired, early, wrongName, client, selfSigned] = [
    await ca.issue('good', names, inDays(-1), inDays(30)),
    await ca.issue('expired', names, inDays(-60), inDays(-1)),
    await ca.issue('early', names, inDays(1), inDays(30)),
    await ca.issue('wrong-name', 'DNS:other.example', inDays(-1), inDays(30)),
    await ca.issue('client', 'DNS:client.example', inDays(-1), inDays(30)),
    await ca.selfSigned('self-signed', names),
  ];
  return { ca: ca.file, good, expired, early, wrongName, client, selfSigned };
}

function tls(port, { certificate, key }, more = '', flags = 'ssl') {
  return `server {
    listen 127.0.0.1:${port} ${flags};
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ${more}
    location / { return 200 "Servizio attivo"; }
  }`;
}

async function startNginx(folder, certs, ports, ipv6) {
  const www = path.join(folder, 'www');
  fs.mkdirSync(www);
  fs.writeFileSync(path.join(www, 'page.html'), `<p>Servizio attivo</p>${'x'.repeat(12345 - 22)}`);
  fs.writeFileSync(path.join(www, 'huge.html'), 'x'.repeat(3 << 20));
  fs.writeFileSync(path.join(www, 'bomb.html'), zlib.gzipSync(Buffer.alloc(100 << 20)));
  fs.writeFileSync(path.join(www, 'small.html'), zlib.gzipSync('Servizio attivo'));
  const basic = Buffer.from(`anna:${PASSWORD}`).toString('base64');
  return nginx(folder, [
    `server {
    listen 127.0.0.1:${ports.plain};
    ${ipv6 ? `listen [::1]:${ipv6};` : ''}
    root ${www};
    location /bomb.html { add_header Content-Encoding gzip; }
    location /small.html { add_header Content-Encoding gzip; }
    location /unavailable { return 503 "Servizio attivo"; }
    location /loop { return 302 /loop; }
    location /moved { return 301 /moved-again; }
    location /moved-again { return 302 http://localhost:${ports.plain}/page.html; }
    location /status.json { default_type application/json; return 200 '{"status": "ok", "queue": {"pending": 12}}'; }
    location /bearer { if ($http_authorization != "Bearer ${TOKEN}") { return 401 "no"; } return 200 "yes"; }
    location /key { if ($http_x_api_key != "${KEY}") { return 403 "no"; } return 200 "yes"; }
    location /key-moved { return 302 http://localhost:${ports.plain}/key; }
    location /basic { if ($http_authorization != "Basic ${basic}") { return 401 "no"; } return 200 "yes"; }
    location /method { if ($request_method != POST) { return 405 "no"; } return 200 "yes"; }
  }`,
    "log_format kept '$arg_check $connection_requests $ssl_session_reused';",
    tls(ports.tls, certs.good, `listen 127.0.0.1:${ports.kept} ssl; ssl_session_cache shared:kept:1m;
    access_log ${path.join(folder, 'tls.log')} kept;`),
    `server {
    listen 127.0.0.1:${ports.proxy};
    location / { proxy_pass http://127.0.0.1:${ports.plain}; add_header X-Proxy yes; }
  }`,
    tls(ports.http2, certs.good, '', 'ssl http2'),
    tls(ports.expired, certs.expired),
    tls(ports.early, certs.early),
    tls(ports.wrongName, certs.wrongName),
    tls(ports.selfSigned, certs.selfSigned),
    tls(ports.client, certs.good, `ssl_client_certificate ${certs.ca}; ssl_verify_client on;`),
  ]);
}

// What each target is asked for, and what must come of it. A bound of a phase is
// [least, most] in seconds, or NONE where the phase does not take place.
function plan({ ports, ipv6, certs, files, servers, closedPort }) {
  const plain = (where) => `http://127.0.0.1:${ports.plain}${where}`;
  const secure = (port) => ({ url: `https://localhost:${port}/`, ca_file: certs.ca });
  const at = (server) => `http://127.0.0.1:${server.port}/`;
  const quick = { first_byte: [0, 2], total: [0, 4] };
  const up = { verdict: 'up', class: 'ok' };
  const down = (kind, message, more) => ({ verdict: 'down', class: kind, message, ...more });
  const hung = { timeout: '1s' };

  return {
    'healthy': [{ url: `http://localhost:${ports.plain}/page.html`, match: ['^<p>Servizio attivo', 'x{100}'],
      not_match: 'errore', header: ['Content-Type: ^text/html', 'server: nginx', 'ETag'] },
    { ...up, message: /^200, HTTP\/1\.1, 12,345 bytes$/, size: 12345,
      phases: { ...quick, dns: [0, 2], connect: [0, 1], tls: NONE, certificate_days: NONE } }],
    'shorthand': [plain('/page.html'), { ...up, phases: { ...quick, connect: [0, 1] } }],
    'head': [{ url: plain('/page.html'), method: 'HEAD', header: 'Content-Length: ^12345$' },
      { ...up, size: 0 }],
    'compressed': [{ url: plain('/small.html'), match: '^Servizio attivo$' }, { ...up, size: 15 }],
    'status': [plain('/unavailable'), down('status', /^status 503, expected 200-299$/, { phases: quick })],
    'status-wanted': [{ url: plain('/unavailable'), status: ['200-299', 503] }, up],
    'no-match': [{ url: plain('/page.html'), match: 'Servizio sospeso' },
      down('match', /does not match the pattern Servizio sospeso/, { phases: quick })],
    'unwanted-match': [{ url: plain('/page.html'), not_match: 'attivo' }, down('match', /matches the pattern attivo/)],
    'no-header': [{ url: plain('/page.html'), header: 'X-Absent' }, down('match', /header X-Absent is missing/)],
    'json': [{ url: plain('/status.json'), json: ['/status = "ok"', '/queue/pending < 100', '/queue'] }, up],
    'no-json': [{ url: plain('/status.json'), json: '/queue/pending < 10' },
      down('json', /^\/queue\/pending is 12, expected < 10$/)],
    'post': [{ url: plain('/method'), method: 'POST', body: '{"a": 1}', headers: ['Content-Type: application/json'] }, up],
    'redirected': [{ url: plain('/moved'), match: 'attivo' }, { ...up, message: /, 2 redirects$/ }],
    'redirect-loop': [plain('/loop'), down('redirects', /redirect/)],
    'redirect-wanted': [{ url: plain('/loop'), follow: 0, status: 302, header: 'Location: /loop$' }, up],
    'huge': [plain('/huge.html'), down('too_large', /./, { phases: { total: NONE } })],
    'bomb': [plain('/bomb.html'), down('too_large', /./)],
    'bearer': [{ url: plain('/bearer'), bearer_file: files.token }, up],
    'key': [{ url: plain('/key'), header_files: { 'X-Api-Key': files.key } }, up],
    'key-elsewhere': [{ url: plain('/key-moved'), header_files: { 'X-Api-Key': files.key } }, down('status', /^status 403/)],
    'basic': [{ url: plain('/basic'), user: 'anna', password_file: files.password }, up],
    'no-secret': [plain('/bearer'), down('status', /^status 401/)],
    'tls': [secure(ports.tls), { ...up, phases: { ...quick, tls: [1e-5, 2], connect: [0, 1], certificate_days: [29, 30] } }],
    'http2': [secure(ports.http2), { ...up, message: /^200, HTTP\/2, 15 bytes$/, phases: { ...quick, tls: [1e-5, 2] } }],
    'expired': [secure(ports.expired), down('certificate_expired', /./, { phases: { first_byte: NONE, total: NONE } })],
    'early': [secure(ports.early), down('certificate_expired', /./)],
    'wrong-name': [secure(ports.wrongName), down('certificate_name', /./)],
    'self-signed': [secure(ports.selfSigned), down('certificate_issuer', /./)],
    'unknown-issuer': [{ url: `https://localhost:${ports.tls}/` }, down('certificate_issuer', /./)],
    'client': [{ ...secure(ports.client), certificate_file: certs.client.certificate, key_file: certs.client.key }, up],
    'no-client': [secure(ports.client), down('status', /^status 400/)],
    'proxy': [{ url: plain('/page.html'), proxy: `http://127.0.0.1:${ports.proxy}`, match: 'attivo', header: 'X-Proxy: ^yes$' }, up],
    'tls-silent': [{ ...secure(servers.never.port) }, down('tls_timeout', /./, { timing: hung, phases: { connect: [0, 1], tls: NONE } })],
    'tls-plain': [secure(ports.plain), down('tls', /./)],
    'slow': [at(servers.slow), { ...up, phases: { first_byte: [SLOW_MS / 1000 - 0.01, 3], total: [SLOW_MS / 1000 - 0.01, 4] } }],
    'too-slow': [{ url: at(servers.slow), max_time: '100ms' },
      down('slow', /^the answer took \d+\.\d{3} s, more than 100ms$/, { phases: { total: [SLOW_MS / 1000 - 0.01, 4] } })],
    'never': [at(servers.never), down('first_byte_timeout', /./, { timing: hung, phases: { connect: [0, 1], first_byte: NONE, total: NONE } })],
    'drip': [at(servers.drip), { ...up, size: 8, phases: { first_byte: [0, 2], total: [0.37, 4] } }],
    'drip-endless': [at(servers.endless), down('read_timeout', /./, { timing: hung, phases: { first_byte: [0, 1], total: NONE } })],
    'mid-body': [at(servers.midBody), down('closed', /./)],
    'at-once': [at(servers.atOnce), down('closed', /./)],
    'otherwise': [at(servers.otherwise), down('protocol', /./)],
    'no-accept': [at(servers.deaf), down('connect_timeout', /./, { timing: hung, phases: { connect: NONE, first_byte: NONE } })],
    'refused': [`http://127.0.0.1:${closedPort}/`, down('refused', /./, { phases: { connect: NONE } })],
    'no-name': [{ url: 'http://no-such-host.invalid/' }, down('resolve', /./, { timing: { timeout: '2s' }, phases: { connect: NONE } })],
    ...(ipv6 ? { 'ipv6': [{ url: `http://[::1]:${ipv6}/page.html`, ip: '6', match: 'attivo' }, { ...up, phases: quick }] } : {}),
  };
}

// What the server saw of a check's requests: "the connection's how manieth, TLS session
// resumed or not".
const REUSES = {
  none: ['1 .', '1 .', '1 .'],
  session: ['1 .', '1 r', '1 r'],
  connection: ['1 .', '2 .', '3 .'],
};

async function reuse(daemon, folder) {
  for (const id of [...Object.keys(REUSES), ...Object.keys(REUSES)])
    await daemon.json('check', `prova/${id}`, '--now');
  const lines = fs.readFileSync(path.join(folder, 'tls.log'), 'utf8').split('\n');
  const seen = (id) => lines.filter((line) => line.startsWith(`${id} `)).map((line) => line.slice(id.length + 1));
  for (const [id, wanted] of Object.entries(REUSES))
    ok(`reuse: ${id}`, equal('requests', seen(id), wanted));
  const kept = (await daemon.json('checks')).checks.find(({ check }) => check === 'connection');
  ok('a connection that was kept shows its certificate', between('days', kept.last.values.certificate_days, 29, 30));
  ok('a retry is on a connection of its own', equal('requests', seen('retry'), ['1 .', '1 .']));
}

await scenario(async () => {
  need('nginx', 'openssl');
  const folder = tempFolder('http');
  const certs = await certificates(folder);
  const names = ['plain', 'tls', 'http2', 'expired', 'early', 'wrongName', 'selfSigned', 'client', 'proxy', 'kept', 'closed'];
  const numbers = await freePorts(names.length);
  const ports = Object.fromEntries(names.map((name, i) => [name, numbers[i]]));
  const ipv6 = await canListen('::1') ? (await freePorts(1, '::1'))[0] : null;
  if (!ipv6) note('there is no IPv6 on this machine: that target is left out');
  await startNginx(folder, certs, ports, ipv6);
  const files = { token: path.join(folder, 'token'), password: path.join(folder, 'password'), key: path.join(folder, 'key') };
  fs.writeFileSync(files.token, `${TOKEN}\n`, { mode: 0o600 });
  fs.writeFileSync(files.password, PASSWORD, { mode: 0o600 });
  fs.writeFileSync(files.key, `${KEY}\n`, { mode: 0o600 });
  const servers = {
    slow: await targets.slowFirstByte(SLOW_MS),
    never: await targets.neverAnswers(),
    drip: await targets.dripping(50, 8),
    endless: await targets.dripping(50, 1000),
    midBody: await targets.closesMidBody(),
    atOnce: await targets.closesAtOnce(),
    otherwise: await targets.speaksOtherwise(),
    deaf: await targets.neverAccepts(),
    frozen: await targets.freezable(),
  };
  const planned = plan({ ports, ipv6, certs, files, servers, closedPort: ports.closed });
  const daily = (http, timing) => ({ every: '1d', timeout: '10s', ...timing, http });
  const checks = Object.fromEntries(Object.entries(planned)
    .map(([id, [http, wanted]]) => [id, daily(http, wanted.timing)]));
  // Checks of one host and port share what they keep: here each has its own.
  const kept = (id, host, more) => daily({ url: `https://${host}/?check=${id}`, ca_file: certs.ca, ...more });
  checks.none = kept('none', `localhost:${ports.tls}`);
  checks.session = kept('session', `localhost:${ports.tls}`, { reuse: 'session' });
  checks.connection = kept('connection', `localhost:${ports.kept}`, { reuse: 'connection' });
  checks.retry = kept('retry', `127.0.0.1:${ports.kept}`, { reuse: 'connection', status: 404 });
  checks.frozen = daily(`http://127.0.0.1:${servers.frozen.port}/`);
  const daemon = await vetrinad(folder, { sites: { prova: site({ prova: { checks } }) } });

  // A check that never ran runs within 5 s of the start, by itself.
  const measured = await until('all checks measured', async () => {
    const all = (await daemon.json('checks')).checks;
    return all.every((check) => check.last.time) && all;
  });
  ok('every check is listed once', equal('ids', measured.map(({ check }) => check).sort(), Object.keys(checks).sort()));
  for (const [id, [, wanted]] of Object.entries(planned))
    ok(id, judge(measured.find(({ check }) => check === id), wanted));
  ok('a failure is measured once more before it counts', equal('requests', servers.midBody.requests, 2));

  await reuse(daemon, folder);

  // Connected, but not accepted: the wait is the first byte's.
  servers.frozen.freeze();
  const frozen = daemon.ctl('--json', 'check', 'prova/frozen', '--now');
  await servers.frozen.asked();
  setTimeout(servers.frozen.thaw, SLOW_MS);
  const { code } = await frozen;
  const accepted = (await daemon.json('checks')).checks.find(({ check }) => check === 'frozen');
  ok('slow to accept', [...equal('exit code', code, 0), ...judge(accepted, { verdict: 'up', class: 'ok',
    phases: { connect: [0, 1], first_byte: [SLOW_MS / 1000 - 0.02, 5] } })]);

  // A secret that changes, and one that goes.
  fs.writeFileSync(files.token, 'another-token\n');
  const changed = await daemon.ctl('check', 'prova/bearer', '--now');
  ok('a changed secret is read again', equal('exit code', changed.code, 4));
  fs.rmSync(files.token);
  await daemon.ctl('check', 'prova/bearer', '--now');
  const gone = (await daemon.json('checks')).checks.find(({ check }) => check === 'bearer');
  ok('a missing secret is our fault', judge(gone, { verdict: 'unknown', class: 'internal',
    message: /cannot read the secret in .*token: No such file/ }));

  const told = daemon.log() + JSON.stringify(await daemon.json('checks')) + (await daemon.ctl('checks')).out;
  ok('no secret shows', [TOKEN, PASSWORD, KEY, Buffer.from(`anna:${PASSWORD}`).toString('base64')]
    .filter((secret) => told.includes(secret)).map((secret) => `${secret} was told`));
  await endsWell(daemon);
});
