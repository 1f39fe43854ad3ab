// A network of our own: a namespace with its loopback, in which every port is free and
// the rights of its owner are root's. The program that keeps it open ends with the test.
import path from 'node:path';
import { run, start, which } from './scenario.mjs';

// Can it be made here? -> why not, or null
export async function whyNoNetwork() {
  for (const name of ['unshare', 'nsenter', 'ip'])
    if (!which(name)) return `${name} is not installed`;
  const { code, error } = await run('unshare', ['-rnm', 'ip', 'link', 'set', 'lo', 'up']);
  return code === 0 ? null : `a network namespace cannot be made: ${error.trim()}`;
}

// resolvConf: a file in the place of /etc/resolv.conf. inside: a network beside which
// this one is to be, with the same owner.
// -> {pid, under: before a command, sh(script): runs it inside}
export async function network({ resolvConf, inside } = {}) {
  const unshare = [...(inside ? inside.under : []), 'unshare', inside ? '-nm' : '-rnm'];
  const [first, ...args] = [...unshare, 'sh', '-c',
    `${resolvConf ? `mount --bind "${path.resolve(resolvConf)}" /etc/resolv.conf &&` : ''}
    ip link set lo up && echo "it is $$." && exec sleep infinity`];
  const holder = start('network', first, args);
  const [, pid] = await holder.until(/it is (\d+)\./);
  const under = ['nsenter', '-t', pid, '-U', '-n', '-m', '--preserve-credentials'];
  return {
    pid,
    under,
    async sh(script) {
      const { code, out, error } = await run(under[0], [...under.slice(1), 'sh', '-ec', script]);
      if (code !== 0) throw new Error(`${script}: ${error || out}`);
      return out;
    },
  };
}
