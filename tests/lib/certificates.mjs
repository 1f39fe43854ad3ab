// Certificates made at test time by the openssl program: an authority, and what it signed.
import fs from 'node:fs';
import path from 'node:path';
import { must } from './scenario.mjs';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const DAY_MS = 86400000;

// 20261124094500Z
const asn1 = (date) => `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
export const inDays = (days) => new Date(Date.now() + days * DAY_MS);

// An authority in the folder. -> {file, issue()}
export async function authority(folder) {
  const at = (name) => path.join(folder, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(at('database'), '');
  fs.writeFileSync(at('configuration'), [
    '[ca]', 'default_ca = ours',
    '[ours]', `database = ${at('database')}`, `new_certs_dir = ${folder}`,
    `certificate = ${at('ca.pem')}`, `private_key = ${at('ca.key')}`,
    'rand_serial = yes', 'default_md = sha256', 'policy = any', 'unique_subject = no',
    'copy_extensions = copy',
    '[any]', 'commonName = supplied',
    '[req]', 'distinguished_name = name', '[name]', '',
  ].join('\n'));
  await must('openssl', ['req', '-x509', ...KEY, '-config', at('configuration'),
    '-subj', '/CN=Test authority', '-days', '60', '-keyout', at('ca.key'), '-out', at('ca.pem'),
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']);
  return {
    file: at('ca.pem'),
    // A certificate for names like "DNS:localhost,IP:127.0.0.1". -> {certificate, key}
    async issue(name, names, from, to) {
      const made = { certificate: at(`${name}.pem`), key: at(`${name}.key`) };
      const request = at(`${name}.csr`);
      await must('openssl', ['req', '-new', ...KEY, '-config', at('configuration'),
        '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`,
        '-keyout', made.key, '-out', request]);
      await must('openssl', ['ca', '-batch', '-notext', '-config', at('configuration'),
        '-startdate', asn1(from), '-enddate', asn1(to), '-in', request, '-out', made.certificate]);
      return made;
    },
    async selfSigned(name, names) {
      const made = { certificate: at(`${name}.pem`), key: at(`${name}.key`) };
      await must('openssl', ['req', '-x509', ...KEY, '-config', at('configuration'),
        '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`, '-days', '30',
        '-keyout', made.key, '-out', made.certificate]);
      return made;
    },
  };
}
