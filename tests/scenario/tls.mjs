// The tls and tcp collectors against real servers: nginx, chasquid (SMTP), nginx's mail
// proxy (IMAP, SMTP), slapd (LDAP), PostgreSQL; small ones for what these do not do.
// Each target gets the right verdict, class, sentence, phases, days.
import net from 'node:net';
import path from 'node:path';
import { authority, inDays } from '../lib/certificates.mjs';
import { judge, NONE } from '../lib/judge.mjs';
import { nginx } from '../lib/nginx.mjs';
import * as peers from '../lib/peers.mjs';
import {
  endsWell, equal, freePorts, listen, need, note, ok, scenario, site, tempFolder, until, vetrinad,
} from '../lib/scenario.mjs';

const OLD = 'ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;';

async function certificates(folder) {
  const ca = await authority(path.join(folder, 'ca'));
  const names = 'DNS:localhost,IP:127.0.0.1';
  return {
    ca: ca.file,
    good: await ca.issue('good', names, inDays(-1), inDays(30)),
    soon: await ca.issue('soon', names, inDays(-1), inDays(5)),
    expired: await ca.issue('expired', names, inDays(-60), inDays(-2)),
    early: await ca.issue('early', names, inDays(1), inDays(30)),
    wrongName: await ca.issue('wrong-name', 'DNS:other.example', inDays(-1), inDays(30)),
    selfSigned: await ca.selfSigned('self-signed', names),
  };
}

const server = (port, { certificate, key }, more = '') => `server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ${more}
    location / { return 200 "Servizio attivo"; }
  }`;

const startNginx = (folder, certs, ports) => nginx(folder, [
  server(ports.good, certs.good),
  server(ports.soon, certs.soon),
  server(ports.expired, certs.expired),
  server(ports.early, certs.early),
  server(ports.wrongName, certs.wrongName),
  server(ports.selfSigned, certs.selfSigned),
  server(ports.old, certs.good, OLD),
  server(ports.new, certs.good, 'ssl_protocols TLSv1.3;'),
  `server { listen 127.0.0.1:${ports.plain}; location / { return 200 "Servizio attivo"; } }`,
]);

// Servers that say this at once, and wait.
const saying = (text) => listen(net.createServer((socket) => socket.write(text)));

const UP = { verdict: 'up', class: 'ok' };
const down = (kind, message, more) => ({ verdict: 'down', class: kind, message, ...more });
const QUICK = { connect: [0, 2], tls: [1e-5, 4], total: [1e-5, 8], certificate_days: [29, 30] };
const SHORT = { timeout: '1s' };

function planTls({ ports, certs, said, closed }) {
  const at = (port, more) => ({ address: `localhost:${port}`, ca_file: certs.ca, ...more });
  return {
    'good': [at(ports.good), { ...UP, phases: { ...QUICK, dns: [0, 2] },
      message: /^TLSv1\.[23], [A-Z0-9_-]+, issued by Test authority, expires in 29 days, on \d{4}-\d\d-\d\d$/ }],
    'by-address': [{ address: `127.0.0.1:${ports.good}`, ca_file: certs.ca }, { ...UP, phases: QUICK }],
    'soon': [at(ports.soon), { verdict: 'degraded', class: 'ok', phases: { certificate_days: [4, 5] },
      message: /^the certificate expires in 4 days, on / }],
    'soon-enough': [at(ports.soon, { warn: '3d' }), UP],
    'expired': [at(ports.expired), down('certificate_expired', /^the certificate of localhost is not valid today: it has expired on 20/,
      { phases: { connect: [0, 2], tls: [1e-5, 4], total: NONE, certificate_days: [-3, -1.9] } })],
    'early': [at(ports.early), down('certificate_expired', /it is valid from 20/)],
    'wrong-name': [at(ports.wrongName), down('certificate_name', /^the certificate is not made out to localhost but to other\.example$/,
      { phases: { certificate_days: [29, 30] } })],
    'named': [at(ports.wrongName, { name: 'other.example' }), UP],
    'self-signed': [at(ports.selfSigned), down('certificate_issuer', /not trusted: self-signed certificate/)],
    'self-signed-trusted': [{ address: `localhost:${ports.selfSigned}`, ca_file: certs.selfSigned.certificate }, UP],
    'unknown-issuer': [{ address: `localhost:${ports.good}` }, down('certificate_issuer', /is not trusted/)],
    'old': [at(ports.old), down('tls', /no version of TLS that both accept/, { phases: { tls: NONE, certificate_days: NONE } })],
    'old-wanted': [at(ports.old, { min_protocol: '1.0' }), { ...UP, message: /^TLSv1, / }],
    'new': [at(ports.new, { min_protocol: '1.3' }), UP],
    'too-new': [at(ports.old, { min_protocol: '1.3' }), down('tls', /./)],
    'no-tls': [at(ports.plain), down('tls', /what answers does not speak TLS/)],
    'silent': [at(said.nothing), down('tls_timeout', /^no TLS within 1 s/, { timing: SHORT, phases: { tls: NONE, connect: [0, 1] } })],
    'refused': [at(closed), down('refused', /refused the connection/, { phases: { connect: NONE, tls: NONE } })],
    'no-name': [{ address: 'no-such-host.invalid:443' }, down('resolve', /./, { timing: { timeout: '2s' } })],
    'smtp-without': [at(said.smtp, { starttls: 'smtp' }), down('protocol', /^the server does not take mail now: "554 go away"$/)],
    'smtp-silent': [at(said.nothing, { starttls: 'smtp' }), down('first_byte_timeout', /./, { timing: SHORT })],
    'imap-other': [at(said.smtp, { starttls: 'imap' }), down('protocol', /^the server does not speak IMAP, it said: "554 go away"$/)],
    'ldap-other': [at(said.smtp, { starttls: 'ldap' }), down('protocol', /not of LDAP/)],
    'postgres-other': [at(said.smtp, { starttls: 'postgres' }), down('protocol', /does not speak as PostgreSQL/)],
  };
}

function planTcp({ ports, certs, said, closed }) {
  const at = (port, more) => ({ address: `localhost:${port}`, ...more });
  const http = { send: 'GET / HTTP/1.0\\r\\n\\r\\n', expect: '^HTTP/1\\.1 200 (?s:.*)Servizio attivo$' };
  return {
    'connects': [at(ports.plain), { ...UP, message: /^connected to \S+ port \d+$/, phases: { dns: [0, 2], connect: [0, 2], tls: NONE, first_byte: NONE } }],
    'answers': [at(ports.plain, http), { ...UP, message: /, it said "HTTP\/1\.1 200 OK"$/, phases: { first_byte: [0, 2], total: [0, 4] } }],
    'answers-secured': [at(ports.good, { ...http, tls: true, ca_file: certs.ca }), { ...UP, message: /, TLSv1\.[23], it said "HTTP/, phases: { tls: [1e-5, 4], first_byte: [0, 2] } }],
    'secured-expired': [at(ports.expired, { ...http, tls: true, ca_file: certs.ca }), down('certificate_expired', /has expired on/)],
    'says': [at(said.smtp, { expect: '^554 ' }), { ...UP, message: /, it said "554 go away"$/ }],
    'says-other': [at(said.smtp, { expect: '^220 ' }), down('match', /does not match the pattern \^220 : it began with "554 go away"/, { timing: SHORT })],
    'answers-other': [at(ports.plain, { ...http, expect: 'Servizio sospeso' }), down('match', /it began with "HTTP\/1\.1 200 OK"/)],
    'says-nothing': [at(said.nothing, { expect: '^220 ' }), down('first_byte_timeout', /then nothing/, { timing: SHORT, phases: { first_byte: NONE, total: NONE } })],
    'closed': [at(closed), down('refused', /refused the connection/)],
  };
}

// The real servers with words before TLS, those that are there.
async function startPeers(certs) {
  const ports = await freePorts(8);
  const plan = {};
  const at = (port, starttls, certificate) =>
    ({ address: `localhost:${port}`, starttls, ca_file: certificate ?? certs.ca });
  const good = { ...UP, message: /issued by Test authority/, phases: QUICK };
  const { chasquid, nginxMail, slapd, postgres } = peers.found;
  if (chasquid) {
    await peers.chasquid(certs.good, ports[0], [ports[1], ports[2]]);
    plan['smtp-chasquid'] = [{ tls: at(ports[0], 'smtp') }, good];
    plan['smtp-banner'] = [{ tcp: { address: `localhost:${ports[0]}`, expect: '^220 localhost' } }, UP];
    plan['smtp-ehlo'] = [{ tcp: { address: `localhost:${ports[0]}`, send: 'EHLO localhost\\r\\n', expect: '250[- ]STARTTLS\\r\\n' } }, UP];
    plan['smtp-as-imap'] = [{ tls: at(ports[0], 'imap') }, down('protocol', /does not speak IMAP/)];
  }
  if (nginxMail) {
    await peers.nginxMail(certs.expired, { imap: ports[3], smtp: ports[4] });
    plan['imap-expired'] = [{ tls: at(ports[3], 'imap') }, down('certificate_expired', /./, { phases: { certificate_days: [-3, -1.9] } })];
    plan['smtp-expired'] = [{ tls: at(ports[4], 'smtp') }, down('certificate_expired', /./)];
    // Nothing is asked of who is not trusted, but these are the same words.
    plan['imap-banner'] = [{ tcp: { address: `localhost:${ports[3]}`, send: 'a CAPABILITY\\r\\n', expect: ' STARTTLS' } }, UP];
  }
  if (slapd) {
    await peers.slapd(certs.good, ports[5]);
    plan.ldap = [{ tls: at(ports[5], 'ldap') }, good];
    plan['ldap-unknown-issuer'] = [{ tls: at(ports[5], 'ldap', certs.selfSigned.certificate) }, down('certificate_issuer', /./)];
  }
  if (postgres) {
    await peers.postgres(certs.good, ports[6]);
    await peers.postgres(null, ports[7]);
    plan.postgres = [{ tls: at(ports[6], 'postgres') }, good];
    plan['postgres-off'] = [{ tls: at(ports[7], 'postgres') }, down('protocol', /TLS switched off \(ssl = off\)/)];
    plan['postgres-port'] = [{ tcp: `localhost:${ports[6]}` }, UP];
  }
  for (const [name, file] of Object.entries(peers.found))
    if (!file) note(`${name} is not to be had: its targets are left out (quickstart unpacks it)`);
  return plan;
}

await scenario(async () => {
  need('nginx', 'openssl');
  const folder = tempFolder('tls');
  const certs = await certificates(folder);
  const names = ['good', 'soon', 'expired', 'early', 'wrongName', 'selfSigned', 'old', 'new', 'plain', 'closed'];
  const numbers = await freePorts(names.length);
  const ports = Object.fromEntries(names.map((name, i) => [name, numbers[i]]));
  const said = { smtp: await saying('554 go away\r\n'), nothing: await saying('') };
  await startNginx(folder, certs, ports);
  const where = { ports, certs, said, closed: ports.closed };
  const planned = { ...await startPeers(certs) };
  for (const [id, [tls, wanted]] of Object.entries(planTls(where))) planned[id] = [{ tls }, wanted];
  for (const [id, [tcp, wanted]] of Object.entries(planTcp(where))) planned[`tcp-${id}`] = [{ tcp }, wanted];
  const checks = Object.fromEntries(Object.entries(planned).map(([id, [collector, wanted]]) =>
    [id, { every: '1d', timeout: '10s', ...wanted.timing, ...collector }]));
  const daemon = await vetrinad(folder, { sites: { prova: site({ prova: { checks } }) } });

  const measured = await until('all checks measured', async () => {
    const all = (await daemon.json('checks')).checks;
    return all.every((check) => check.last.time) && all;
  });
  ok('every check is listed once', equal('ids', measured.map(({ check }) => check).sort(), Object.keys(checks).sort()));
  for (const [id, [, wanted]] of Object.entries(planned))
    ok(id, judge(measured.find(({ check }) => check === id), wanted));

  await endsWell(daemon);
});
