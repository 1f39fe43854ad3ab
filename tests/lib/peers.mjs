// Mail, directory and database servers with configurations of our own. They are the
// machine's, or those that quickstart unpacks into the build's folder `peers` because
// installing them would start services or take the place of the machine's own. None runs
// as root: as root, they run as nobody, in folders that are nobody's.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { build, must, start, tempFolder, until } from './scenario.mjs';

const NOBODY = 65534;
const ROOT = path.join(build, 'peers', 'root');
const isRoot = process.getuid() === 0;
const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

const folders = (under, pattern) => {
  try {
    return fs.readdirSync(under).filter((name) => pattern.test(name)).map((name) => path.join(under, name));
  } catch {
    return [];
  }
};
const environment = {
  ...process.env, LD_LIBRARY_PATH: folders(path.join(ROOT, 'usr/lib'), /-linux-gnu/).join(':'),
};

// A program by the path it has in its package, the machine's or the unpacked one. -> null:
// there is none, or not for whom it would run as
function find(...paths) {
  const postgres = [...folders('/usr/lib/postgresql', /^\d+$/), ...folders(path.join(ROOT, 'usr/lib/postgresql'), /^\d+$/)];
  const all = paths.flatMap((name) => name.startsWith('/') ? [name, path.join(ROOT, name)]
    : postgres.map((version) => path.join(version, name)));
  const can = (file) => spawnSync('test', ['-r', file], { cwd: '/', ...identity }).status === 0;
  return all.find(can) ?? null;
}

export const found = {
  chasquid: find('/usr/bin/chasquid'),
  nginxMail: find('/usr/lib/nginx/modules/ngx_mail_module.so'),
  slapd: find('/usr/sbin/slapd'),
  postgres: find('bin/postgres'),
};

// A folder of its own for who runs it, with the certificate in it.
function place(name, certificate) {
  const folder = tempFolder(name);
  const copies = { certificate: path.join(folder, 'certificate.pem'), key: path.join(folder, 'key.pem') };
  fs.copyFileSync(certificate.certificate, copies.certificate);
  fs.copyFileSync(certificate.key, copies.key);
  fs.chmodSync(copies.key, 0o600);
  return { folder, ...copies };
}

// What was written belongs to who reads it.
function give(folder) {
  if (!isRoot) return;
  for (const entry of ['.', ...fs.readdirSync(folder, { recursive: true })])
    fs.chownSync(path.join(folder, entry), NOBODY, NOBODY);
}

const listens = (port) => new Promise((resolve) => {
  const socket = net.connect({ host: '127.0.0.1', port });
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

async function run(name, file, args, folder, port) {
  const program = start(name, file, args, { cwd: folder, env: environment, ...identity });
  await until(`${name} listening`, () => {
    if (program.child.exitCode !== null) throw new Error(`${name} ended: ${program.output()}`);
    return listens(port);
  });
  return program;
}

// SMTP with STARTTLS
export async function chasquid(certificate, port, others) {
  const { folder, ...own } = place('chasquid', certificate);
  const certs = path.join(folder, 'certs/localhost');
  fs.mkdirSync(certs, { recursive: true });
  fs.mkdirSync(path.join(folder, 'domains/localhost'), { recursive: true });
  fs.copyFileSync(own.certificate, path.join(certs, 'fullchain.pem'));
  fs.copyFileSync(own.key, path.join(certs, 'privkey.pem'));
  fs.writeFileSync(path.join(folder, 'chasquid.conf'), `
hostname: "localhost"
smtp_address: "127.0.0.1:${port}"
submission_address: "127.0.0.1:${others[0]}"
submission_over_tls_address: "127.0.0.1:${others[1]}"
data_dir: "${path.join(folder, 'data')}"
mail_delivery_agent_bin: "/bin/true"
mail_log_path: "<stderr>"
`);
  give(folder);
  return run('chasquid', found.chasquid, ['-config_dir', folder, '-logtime=false'], folder, port);
}

// IMAP and SMTP with STARTTLS, as nginx speaks them for those behind it: a dovecot cannot
// be run from a folder.
export async function nginxMail(certificate, { imap, smtp }) {
  const { folder, ...own } = place('nginx-mail', certificate);
  const file = path.join(folder, 'nginx.conf');
  fs.writeFileSync(file, `
load_module ${found.nginxMail};
daemon off;
master_process off;
pid ${path.join(folder, 'nginx.pid')};
error_log stderr notice;
events { worker_connections 64; }
mail {
  server_name localhost;
  auth_http 127.0.0.1:1/;
  ssl_certificate ${own.certificate};
  ssl_certificate_key ${own.key};
  starttls only;
  server { listen 127.0.0.1:${imap}; protocol imap; }
  server { listen 127.0.0.1:${smtp}; protocol smtp; }
}
`);
  give(folder);
  return run('nginx', 'nginx', ['-p', folder, '-e', 'stderr', '-c', file], folder, imap);
}

// LDAP with the extended operation StartTLS
export async function slapd(certificate, port) {
  const { folder, ...own } = place('slapd', certificate);
  fs.writeFileSync(path.join(folder, 'slapd.conf'), `
pidfile ${folder}/slapd.pid
TLSCertificateFile ${own.certificate}
TLSCertificateKeyFile ${own.key}
`);
  give(folder);
  return run('slapd', found.slapd,
    ['-f', path.join(folder, 'slapd.conf'), '-h', `ldap://127.0.0.1:${port}/`, '-d', '0'], folder, port);
}

// certificate null: with TLS switched off
export async function postgres(certificate, port) {
  const folder = tempFolder('postgres');
  const data = path.join(folder, 'data');
  give(folder);
  await must(found.postgres.replace(/postgres$/, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync', '--no-locale', '-E', 'UTF8'],
    { cwd: folder, env: environment, ...identity });
  const tls = [];
  if (certificate) {
    fs.copyFileSync(certificate.certificate, path.join(data, 'server.crt'));
    fs.copyFileSync(certificate.key, path.join(data, 'server.key'));
    fs.chmodSync(path.join(data, 'server.key'), 0o600);
    give(data);
    tls.push('-c', 'ssl=on');
  }
  return run('postgres', found.postgres, ['-D', data, '-c', 'listen_addresses=127.0.0.1', '-c', `port=${port}`,
    '-c', 'unix_socket_directories=', '-c', 'fsync=off', ...tls], folder, port);
}
