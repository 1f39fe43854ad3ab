// nginx on a configuration of our own: nothing of the system's is read or written.
import fs from 'node:fs';
import path from 'node:path';
import { start } from './scenario.mjs';

// servers: texts of server { ... } blocks. -> the program, once it listens
export async function nginx(folder, servers) {
  const file = path.join(folder, 'nginx.conf');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${path.join(folder, kind)};`);
  fs.writeFileSync(file, `
daemon off;
master_process off;
pid ${path.join(folder, 'nginx.pid')};
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  default_type text/html;
  ${paths.join('\n  ')}
  ${servers.join('\n  ')}
}
`);
  const program = start('nginx', 'nginx', ['-p', folder, '-e', 'stderr', '-c', file]);
  await program.until(/start(ed)? (single|worker) process|start worker|built by|OS: /);
  return program;
}
