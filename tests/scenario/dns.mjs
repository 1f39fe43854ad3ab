// The dns collector against real name servers: two of knot with zones that agree and
// that do not, one of unbound that validates. What they are asked by UDP and TCP.
import dgram from 'node:dgram';
import fs from 'node:fs';
import path from 'node:path';
import { knot, unbound, zone } from '../lib/dns.mjs';
import { network, whyNoNetwork } from '../lib/network.mjs';
import {
  atEnd, between, endsWell, equal, freePorts, need, note, ok, scenario, site, tempFolder, until,
  vetrinad,
} from '../lib/scenario.mjs';

const NEW = 2026112402, OLD = 2026112401;
const STRANGE = '12345 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const LONG = Array.from({ length: 40 }, (_, i) => `lungo TXT "${i} ${'x'.repeat(100)}"`);

const NAMES = ['@ NS ns1', '@ NS ns2', 'ns1 A 127.0.0.11', 'ns2 A 127.0.0.12'];
const PROVA = [
  ...NAMES, 'www A 192.0.2.80', 'www 60 A 192.0.2.81', 'www AAAA 2001:db8::80', 'alias CNAME www',
  'altrove CNAME nessuno', '@ MX 10 Posta', 'posta A 192.0.2.25', '@ TXT "v=spf1 " "mx -all"',
  '@ CAA 0 issue "letsencrypt.org"', '_sip._tcp SRV 0 5 5060 www', '_443._tcp.www TLSA 3 1 1 ABCDEF',
  '@ HTTPS 1 . alpn=h2 port=443', 'strano TYPE65280 \\# 4 C0000201',
  ...LONG,
];

// What knot 1 and knot 2 have.
const zones = (serial) => ({
  'prova.test': { text: zone('prova.test', 1, PROVA), signed: true },
  'rotto.test': { text: zone('rotto.test', 1, [...NAMES, 'www A 192.0.2.1']), signed: true },
  'nudo.test': { text: zone('nudo.test', 1, [...NAMES, 'www A 192.0.2.1']) },
  'concorde.test': { text: zone('concorde.test', NEW, NAMES) },
  'discorde.test': { text: zone('discorde.test', serial, NAMES) },
});

// A server that answers as make(question) says, or not at all.
async function liar(make) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (question, from) => setTimeout(() => {
    for (const answer of make(question)) socket.send(answer, from.port, from.address);
  }, make.delay ?? 0));
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  atEnd(() => new Promise((resolve) => socket.close(resolve)));
  return `127.0.0.1:${socket.address().port}`;
}

const headed = (question, flags, counts, rest = Buffer.alloc(0)) => {
  const end = question.indexOf(0, 12) + 5;
  const answer = Buffer.concat([question.subarray(0, end), rest]);
  answer.writeUInt16BE(flags, 2);
  counts.forEach((count, i) => answer.writeUInt16BE(count, 6 + 2 * i));
  return answer;
};
const record = (type, data) => Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]), data]);

const liars = {
  garbage: () => [Buffer.from('Hello, this is not DNS at all')],
  otherNumber: (question) => {
    const answer = headed(question, 0x8180, [1, 0, 0], record(1, Buffer.from([192, 0, 2, 1])));
    answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0);
    return [answer];
  },
  otherQuestion: (question) => {
    const answer = headed(question, 0x8180, [1, 0, 0], record(1, Buffer.from([192, 0, 2, 1])));
    answer[13] ^= 1;
    return [answer];
  },
  loop: (question) => [headed(question, 0x8180, [1, 0, 0], record(5, Buffer.from([0xc0, question.indexOf(0, 12) + 17])))],
  short: (question) => [headed(question, 0x8180, [1, 0, 0], record(1, Buffer.from([192, 0, 2])).subarray(0, 14))],
  empty: (question) => [headed(question, 0x8180, [0, 0, 0])],
  old: (question) => question[11] ? [headed(question, 0x8181, [0, 0, 0])]
    : [headed(question, 0x8180, [1, 0, 0], record(1, Buffer.from([192, 0, 2, 1])))],
  silent: () => [],
};
liars.slow = (question) => [headed(question, 0x8180, [1, 0, 0], record(1, Buffer.from([192, 0, 2, 1])))];
liars.slow.delay = 100;

function plan({ one, two, resolver, lies, closed }) {
  const up = (message, more) => ({ verdict: 'up', class: 'ok', message, ...more });
  const down = (kind, message, more) => ({ verdict: 'down', class: kind, message, ...more });
  const at = (name, more) => ({ name, server: one, ...more });
  const asked = (server, more) => ({ name: 'www.prova.test', server: lies[server], ...more });
  const brief = { timeout: '1s' };
  return {
    'address': [at('WWW.prova.test', { expect: ['192.0.2.81', '192.0.2.80'], exact: true }),
      up(/^192\.0\.2\.8[01], 192\.0\.2\.8[01], from 127\.0\.0\.1:\d+$/, { answers: 2, ttl: 60 })],
    'six': [at('www.prova.test', { type: 'AAAA', expect: '2001:DB8:0::80' }), up(/^2001:db8::80/, { answers: 1, ttl: 3600 })],
    'mx': [at('prova.test', { type: 'mx', expect: 'posta.prova.test.' }), up(/^10 posta\.prova\.test/)],
    'txt': [at('prova.test', { type: 'TXT', expect: ['/^v=spf1 .*-all$/', 'v=spf1 mx -all'] }), up(/^v=spf1 mx -all,/)],
    'caa': [at('prova.test', { type: 'CAA', expect: '0 ISSUE letsencrypt.org' }), up(/letsencrypt/)],
    'srv': [at('_sip._tcp.prova.test', { type: 'SRV', expect: '0 5 5060 www.prova.test' }), up(/5060/)],
    'tlsa': [at('_443._tcp.www.prova.test', { type: 'TLSA', expect: '3 1 1 AB CD EF' }), up(/abcdef/)],
    'https': [at('prova.test', { type: 'HTTPS', expect: '1 . alpn="h2" port=443' }), up(/alpn=h2 port=443/)],
    'any-type': [at('strano.prova.test', { type: 'TYPE65280', expect: '\\# 4 c0000201' }), up(/^\\# 4 c0000201/)],
    'ns': [at('prova.test', { type: 'NS', expect: ['ns1.prova.test', 'NS2.prova.test'], exact: true }), up(/ns1/)],
    'soa': [at('discorde.test', { type: 'SOA', expect: `${NEW}` }), up(new RegExp(`hostmaster.discorde.test ${NEW} `))],
    'dnskey': [at('prova.test', { type: 'DNSKEY', expect: '/^257 3 13 /' }), up(/^25[67] 3 13 /)],
    'alias': [at('alias.prova.test', { expect: '192.0.2.80' }), up(/192\.0\.2\.80/, { answers: 2, ttl: 60 })],
    'cname': [at('alias.prova.test', { type: 'CNAME', expect: 'www.prova.test' }), up(/^www\.prova\.test,/)],
    'long': [at('lungo.prova.test', { type: 'TXT' }), up(/and \d+ more, from 127\.0\.0\.1:\d+ by TCP$/, { answers: 40 })],
    'missing': [at('www.prova.test', { expect: '192.0.2.9' }), down('match', /^192\.0\.2\.9 is missing, the answers are 192/, { answers: 2 })],
    'more': [at('www.prova.test', { expect: '192.0.2.80', exact: true }), down('match', /^192\.0\.2\.81 is there and was not expected/)],
    'unwanted': [at('www.prova.test', { not_expect: '192.0.2.81' }), down('match', /^192\.0\.2\.81 must not be there/)],
    'no-name': [at('nessuno.prova.test'), down('resolve', /the name nessuno\.prova\.test does not exist \(NXDOMAIN\), says 127/, { answers: 0 })],
    'no-record': [at('posta.prova.test', { type: 'AAAA' }), down('resolve', /posta\.prova\.test exists, but has no AAAA record/, { answers: 0 })],
    'alias-of-nothing': [at('altrove.prova.test'), down('resolve', /nessuno\.prova\.test does not exist .*altrove\.prova\.test is an alias of it/)],
    'not-its-zone': [at('www.example.com'), down('resolve', /refuses to answer for www\.example\.com \(REFUSED\)/)],
    'validated': [{ name: 'www.prova.test', server: resolver, dnssec: true, expect: '192.0.2.80' }, up(/, validated$/)],
    'not-signed': [{ name: 'www.nudo.test', server: resolver, dnssec: true }, down('match', /not validated by DNSSEC \(no AD flag\)/)],
    'not-validating': [at('www.prova.test', { dnssec: true }), down('match', /no AD flag/)],
    'bogus': [{ name: 'www.rotto.test', server: resolver }, down('resolve', /cannot answer for www\.rotto\.test \(SERVFAIL\): .*DNSSEC/)],
    'agreement': [{ name: 'concorde.test', soa_agreement: true, nameservers: [one, two], expect: `${NEW}` },
      up(new RegExp(`^serial ${NEW} at all 2 servers$`), { answers: 2 })],
    'disagreement': [{ name: 'discorde.test', soa_agreement: true, nameservers: [one, two] },
      down('match', new RegExp(`^${two}: serial ${OLD} instead of ${NEW}$`), { answers: 1 })],
    'one-is-away': [{ name: 'concorde.test', soa_agreement: true, nameservers: [one, closed] },
      down('refused', new RegExp(`^${closed}: no DNS server answers at`), { answers: 1 })],
    'refused': [{ name: 'www.prova.test', server: closed }, down('refused', /no DNS server answers at 127.*Connection refused/, { time: null })],
    'silent': [asked('silent'), down('resolve', /^no answer from 127\.0\.0\.1:\d+ within 1s, asked 1 time$/, { timing: brief, time: null })],
    'garbage': [asked('garbage'), down('protocol', /none of them an answer/, { timing: brief, time: null })],
    'other-number': [asked('otherNumber'), down('protocol', /^1 packet came/, { timing: brief })],
    'other-question': [asked('otherQuestion'), down('protocol', /^1 packet came/, { timing: brief })],
    'pointer-loop': [asked('loop'), down('protocol', /broken/)],
    'short': [asked('short'), down('protocol', /broken/)],
    'empty': [asked('empty'), down('resolve', /exists, but has no A record/)],
    'old': [asked('old'), up(/^192\.0\.2\.1,/)],
    'too-slow': [asked('slow', { max_time: '50ms' }), down('slow', /^the answer took 0\.\d+ s, more than 50ms$/, { least: 0.099 })],
  };
}

function judge(check, wanted) {
  const { total, answers, ttl_seconds: ttl } = check.last.values;
  const problems = [
    ...equal('verdict', check.verdict, wanted.verdict),
    ...equal('class', check.class, wanted.class),
    ...(wanted.message.test(check.message) ? [] : [`message, expected ${wanted.message}`]),
    ...('answers' in wanted ? equal('answers', answers, wanted.answers) : []),
    ...('ttl' in wanted ? equal('ttl_seconds', ttl, wanted.ttl) : []),
    ...('time' in wanted ? equal('total', total, wanted.time) : []),
    ...('least' in wanted ? between('total', total, wanted.least, 5) : []),
    ...(wanted.class === 'ok' ? between('total', total, 1e-6, 5) : []),
  ];
  if (problems.length) problems.push(`message: ${check.message}`, `values: ${JSON.stringify(check.last.values)}`);
  return problems;
}

const daily = (dns, timing) => ({ every: '1d', timeout: '10s', ...timing, dns });

// All checks once, each against what was planned.
async function measure(daemon, planned, name) {
  const measured = await until('all checks measured', async () => {
    const all = (await daemon.json('checks')).checks;
    return all.every((check) => check.last.time) && all;
  });
  for (const [id, [, wanted]] of Object.entries(planned))
    ok(`${name}${id}`, judge(measured.find(({ check }) => check === id), wanted));
}

// In a network of our own the servers have port 53, as the world expects: the system's
// resolver is unbound there, and a zone's servers are found by their names.
async function asTheWorldExpects(folder) {
  const why = await whyNoNetwork();
  if (why) {
    note(`the servers of a zone by their names, the system's resolver: left out, ${why}`);
    return;
  }
  const resolvConf = path.join(folder, 'resolv.conf');
  fs.writeFileSync(resolvConf, 'search prova.test\nnameserver 127.0.0.1\n');
  const net = await network({ resolvConf });
  const first = await knot(folder, 'inner-1', '127.0.0.11@53', zones(NEW), net);
  await knot(folder, 'inner-2', '127.0.0.12@53', zones(OLD), net);
  await unbound(folder, '127.0.0.1@53', Object.fromEntries(Object.keys(zones(NEW))
    .map((name) => [`${name}.`, '127.0.0.11@53'])), [await first.ds('prova.test')], net);
  const planned = {
    'system': ['www.prova.test', { verdict: 'up', class: 'ok', message: /, from 127\.0\.0\.1$/ }],
    'no-search': ['www', { verdict: 'down', class: 'resolve', message: /./ }],
    'named-server': [{ name: 'www.prova.test', server: 'ns2.prova.test' }, { verdict: 'up', class: 'ok', message: /, from 127\.0\.0\.12$/ }],
    'zone': [{ name: 'concorde.test', soa_agreement: true },
      { verdict: 'up', class: 'ok', message: new RegExp(`^serial ${NEW} at all 2 servers$`) }],
    'zone-differs': [{ name: 'discorde.test', soa_agreement: true }, { verdict: 'down', class: 'match',
      message: new RegExp(`^ns2\\.discorde\\.test \\(127\\.0\\.0\\.12\\): serial ${OLD} instead of ${NEW}$`) }],
  };
  const inner = path.join(folder, 'inner');
  fs.mkdirSync(inner);
  const daemon = await vetrinad(inner, { sites: { prova: site({ prova: { checks: Object.fromEntries(
    Object.entries(planned).map(([id, [dns]]) => [id, daily(dns)])) } }) } }, { under: net.under });
  await measure(daemon, planned, 'port 53: ');
  await endsWell(daemon);
}

await scenario(async () => {
  need('knotd', 'keymgr', 'unbound');
  const folder = tempFolder('dns');
  const [one, two, resolver, closed] = (await freePorts(4)).map((port) => `127.0.0.1@${port}`);
  const first = await knot(folder, 'knot-1', one, zones(NEW));
  await knot(folder, 'knot-2', two, zones(OLD));
  await unbound(folder, resolver, Object.fromEntries(Object.keys(zones(NEW)).map((name) => [`${name}.`, one])),
    [await first.ds('prova.test'), `rotto.test. DS ${STRANGE}`]);
  const lies = {};
  for (const [name, make] of Object.entries(liars)) lies[name] = await liar(make);
  const [a, b, c, d] = [one, two, resolver, closed].map((at) => at.replace('@', ':'));
  const planned = plan({ one: a, two: b, resolver: c, lies, closed: d });
  const daemon = await vetrinad(folder, { sites: { prova: site({ prova: { checks: Object.fromEntries(
    Object.entries(planned).map(([id, [dns, wanted]]) => [id, daily(dns, wanted.timing)])) } }) } });
  await measure(daemon, planned, '');

  // A server that comes back is up again; a zone that is changed, too.
  await first.stop();
  await daemon.ctl('check', 'prova/address', '--now');
  const gone = (await daemon.json('checks')).checks.find(({ check }) => check === 'address');
  ok('a server that stops is refused', judge(gone, { verdict: 'down', class: 'refused', message: /Connection refused/, answers: null }));
  await knot(folder, 'knot-1', one, zones(NEW));
  await daemon.ctl('check', 'prova/address', '--now');
  const back = (await daemon.json('checks')).checks.find(({ check }) => check === 'address');
  ok('and well when it is back', judge(back, planned.address[1]));
  await endsWell(daemon);
  await asTheWorldExpects(folder);
});
