// Name servers on configurations of our own: knot for zones, unbound to resolve and
// validate. Nothing of the system's is read or written. under: what runs them, as
// network.mjs has it.
import fs from 'node:fs';
import path from 'node:path';
import { must, start } from './scenario.mjs';

const folderOf = (folder, name) => {
  const own = path.join(folder, name);
  fs.mkdirSync(own, { recursive: true });
  return own;
};

const spawn = (name, under, file, args) => {
  const [first, ...rest] = [...under, file, ...args];
  return start(name, first, rest);
};

// zones: {'example.test': {text, signed}}; address: '127.0.0.1@5300', one or more.
// -> the program, once it listens, with ds(zone): its trust anchor
export async function knot(folder, name, addresses, zones, { under = [] } = {}) {
  const own = folderOf(folder, name);
  const file = path.join(own, 'knot.conf');
  for (const [zone, { text }] of Object.entries(zones))
    fs.writeFileSync(path.join(own, `${zone}.zone`), text);
  fs.writeFileSync(file, `
server:
  rundir: "${own}"
  listen: [ ${[addresses].flat().map((address) => `"${address}"`).join(', ')} ]
  background-workers: 1
  udp-workers: 1
  tcp-workers: 1
database:
  storage: "${own}"
  journal-db-max-size: 20M
  kasp-db-max-size: 20M
  timer-db-max-size: 5M
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: "${own}"
    zonefile-sync: -1
    journal-max-usage: 5M
zone:
${Object.entries(zones).map(([zone, { signed }]) => `  - domain: ${zone}
    file: "${zone}.zone"
    dnssec-signing: ${signed ? 'on' : 'off'}`).join('\n')}
`);
  const program = spawn('knotd', under, 'knotd', ['-c', file]);
  await program.until(/server started/);
  program.ds = async (zone) => (await must('keymgr', ['-c', file, zone, 'ds']))
    .split('\n').find((line) => / 13 2 /.test(line));
  return program;
}

// stubs: {'example.test.': '127.0.0.1@5300'}; anchors: DS records as text
export async function unbound(folder, address, stubs, anchors, { under = [] } = {}) {
  const own = folderOf(folder, 'unbound');
  const file = path.join(own, 'unbound.conf');
  fs.writeFileSync(file, `
server:
  directory: "${own}"
  chroot: ""
  username: ""
  pidfile: "${path.join(own, 'unbound.pid')}"
  use-syslog: no
  logfile: ""
  do-daemonize: no
  interface: ${address}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "validator iterator"
  num-threads: 1
  ede: yes
  msg-cache-size: 1m
  rrset-cache-size: 1m
  local-zone: "test." nodefault
${anchors.map((anchor) => `  trust-anchor: "${anchor}"`).join('\n')}
remote-control:
  control-enable: no
${Object.entries(stubs).map(([zone, at]) => `stub-zone:\n  name: "${zone}"\n  stub-addr: ${at}`).join('\n')}
`);
  const program = spawn('unbound', under, 'unbound', ['-d', '-c', file]);
  await program.until(/start of service/);
  return program;
}

// A zone file; records: lines as "www A 192.0.2.1"
export const zone = (name, serial, records) => `$ORIGIN ${name}.
$TTL 3600
@ SOA ns1 hostmaster ${serial} 3600 600 86400 300
${records.join('\n')}
`;
