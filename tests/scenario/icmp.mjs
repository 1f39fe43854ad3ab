// The icmp collector on real networks: namespaces of our own, one beside the other. By raw
// and by ping sockets, and without the right to either; over a link that loses replies,
// which is a host that limits how many it sends.
import path from 'node:path';
import fs from 'node:fs';
import { network, whyNoNetwork } from '../lib/network.mjs';
import {
  between, endsWell, equal, note, ok, scenario, site, skipAll, tempFolder, until, vetrinad,
} from '../lib/scenario.mjs';

const HERE = '10.77.0.1', THERE = '10.77.0.2', NOWHERE = '10.77.0.3', SILENT = '10.77.0.4';
const REJECTED = '10.78.0.1', NO_ROUTE = '10.79.0.1';
const daily = (icmp) => ({ every: '1d', timeout: '3s', icmp });

async function measured(daemon) {
  return until('all checks measured', async () => {
    const all = (await daemon.json('checks')).checks;
    return all.every((check) => check.last.time) && all;
  });
}

function judge(check, wanted) {
  const { loss, min, avg, max, stddev, total } = check.last.values;
  const times = wanted.loss !== undefined && wanted.loss[0] < 1;
  const problems = [
    ...equal('verdict', check.verdict, wanted.verdict),
    ...equal('class', check.class, wanted.class),
    ...(wanted.message.test(check.message) ? [] : [`message, expected ${wanted.message}`]),
    ...(wanted.loss ? between('loss', loss, ...wanted.loss) : equal('loss', loss, null)),
    ...(times ? [
      ...between('min', min, 1e-6, 1), ...between('avg', avg, min, max), ...between('max', max, min, 1),
      ...between('stddev', stddev, 0, max), ...between('total', total, min, max),
    ] : equal('times', [min, avg, max, stddev, total], [null, null, null, null, null])),
  ];
  if (problems.length) problems.push(`message: ${check.message}`, `values: ${JSON.stringify(check.last.values)}`);
  return problems;
}

function plan(ipv6) {
  const up = (message, more) => ({ verdict: 'up', class: 'ok', message, loss: [0, 0], ...more });
  const down = (kind, message, loss) => ({ verdict: 'down', class: kind, message, loss });
  return {
    'loopback': ['127.0.0.1', up(/^5 of 5 echoes came back from 127\.0\.0\.1, in [\d.]+ to [\d.]+ ms$/)],
    'large': [{ address: '127.0.0.1', size: 1472, count: 20, spacing: '10ms' }, up(/^20 of 20/)],
    'one': [{ address: '127.0.0.1', count: 1, size: 16 }, up(/^1 of 1/)],
    'name': [{ address: 'localhost', ip: '4', spacing: '10ms' }, up(/from localhost \(127\.0\.0\.1\)/)],
    'there': [{ address: THERE, spacing: '10ms' }, up(/^5 of 5/)],
    'nobody': [{ address: NOWHERE, spacing: '10ms' },
      down('refused', /^10\.77\.0\.3 cannot be reached: No route to host, says 10\.77\.0\.1$/, [1, 1])],
    'silent': [{ address: SILENT, spacing: '10ms' }, down('first_byte_timeout', /^no reply from 10\.77\.0\.4 to 5 echoes$/, [1, 1])],
    'rejected': [{ address: REJECTED, spacing: '10ms' },
      down('refused', /^10\.78\.0\.1 cannot be reached: .*, says 10\.77\.0\.2$/, [1, 1])],
    'no-route': [{ address: NO_ROUTE, spacing: '10ms' },
      down('refused', /^10\.79\.0\.1 cannot be reached: Network is unreachable, says this host itself$/, [1, 1])],
    'no-name': ['no-such-host.invalid', { verdict: 'down', class: 'resolve', message: /no-such-host\.invalid/ }],
    ...(ipv6 ? {
      'six': [{ address: '::1', spacing: '10ms' }, up(/^5 of 5 echoes came back from ::1/)],
      'six-there': [{ address: 'fd00:77::2', spacing: '10ms' }, up(/^5 of 5/)],
      'six-nobody': [{ address: 'fd00:77::3', spacing: '10ms' }, down('refused', /cannot be reached/, [1, 1])],
    } : {}),
  };
}

const configuration = (planned) => ({ sites: { prova: site({ prova: {
  checks: Object.fromEntries(Object.entries(planned).map(([id, [icmp]]) => [id, daily(icmp)])),
} }) } });

async function run(folder, name, planned, under) {
  const own = path.join(folder, name);
  fs.mkdirSync(own);
  const daemon = await vetrinad(own, configuration(planned), { under });
  const all = await measured(daemon);
  for (const [id, [, wanted]] of Object.entries(planned))
    ok(`${name}: ${id}`, judge(all.find(({ check }) => check === id), wanted));
  return daemon;
}

// Two networks with a wire between; the far one forwards, rejects, and is silent for one.
async function wire() {
  const near = await network();
  const far = await network({ inside: near });
  await near.sh(`ip link add name near type veth peer name far netns ${far.pid}
    ip addr add ${HERE}/24 dev near; ip link set near up
    ip route add 10.78.0.0/24 via ${THERE}
    for file in /proc/sys/net/ipv[46]/neigh/near/retrans_time_ms; do echo 100 >$file; done`);
  await far.sh(`ip addr add ${THERE}/24 dev far; ip link set far up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    ip route add prohibit 10.78.0.0/24`);
  // Somebody who takes what comes and says nothing: a neighbour that is only a name.
  await near.sh(`ip neigh add ${SILENT} lladdr 02:00:00:00:00:04 dev near`);
  const ipv6 = await near.sh('ip addr add fd00:77::1/64 dev near nodad').then(() =>
    far.sh('ip addr add fd00:77::2/64 dev far nodad')).then(() => true, () => false);
  return { near, far, ipv6 };
}

// The far host answers a burst, then one a second.
async function loss(folder, { near, far }) {
  await far.sh(`echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit
    echo $(($(cat /proc/sys/net/ipv4/icmp_ratemask) | 1)) >/proc/sys/net/ipv4/icmp_ratemask`);
  const lossy = { address: THERE, count: 20, spacing: '10ms' };
  const some = [0.1, 0.95];
  const daemon = await run(folder, 'lossy', {
    'lost': [lossy, { verdict: 'down', class: 'read_timeout', loss: some,
      message: /^\d+ of 20 echoes to 10\.77\.0\.2 were lost, more than 50 %$/ }],
  }, near.under);
  await endsWell(daemon);
  await far.sh('echo 100 >/proc/sys/net/ipv4/icmp_ratelimit'); // so that it may burst again
  await endsWell(await run(folder, 'less lossy', {
    'some': [{ ...lossy, max_loss: 99, warn_loss: 5 }, { verdict: 'degraded', class: 'ok', loss: some,
      message: /^\d+ of 20 echoes came back from 10\.77\.0\.2, in / }],
  }, near.under));
}

// As the systemd unit has it: an ordinary user with one capability, which is not for plugins.
async function ambient(folder) {
  if (process.getuid() !== 0) {
    note('who is not root can give no capability to another user: left out');
    return;
  }
  fs.chmodSync(folder, 0o755);
  const own = path.join(folder, 'ambient');
  fs.mkdirSync(own);
  fs.chownSync(own, 65534, 65534);
  const only = ['-all,+net_raw'];
  const under = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--no-new-privs',
    '--inh-caps', ...only, '--ambient-caps', ...only, '--bounding-set', ...only];
  const daemon = await vetrinad(own, { sites: { prova: site({ prova: { checks: {
    echo: daily('127.0.0.1'),
    plugin: { every: '1d', timeout: '3s', exec: { command: ['/bin/grep', '-E', 'CapEff:\\s0+$', '/proc/self/status'] } },
  } } }) } }, { under });
  for (const { check, verdict, message } of await measured(daemon))
    ok(`an ambient capability: ${check}`, verdict === 'up' ? [] : [`${verdict}: ${message}`]);
  await endsWell(daemon);
}

await scenario(async () => {
  const why = await whyNoNetwork();
  if (why) skipAll(why);
  const folder = tempFolder('icmp');
  const net = await wire();
  if (!net.ipv6) note('there is no IPv6 here: left out');
  const planned = plan(net.ipv6);

  // Our user's groups are not in ping_group_range at first.
  await endsWell(await run(folder, 'raw', planned, [...net.near.under]));
  const powerless = [...net.near.under, 'setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw'];
  const wanted = { verdict: 'unknown', class: 'internal',
    message: /^no right to send ICMP echoes: let net\.ipv4\.ping_group_range .* CAP_NET_RAW \(AmbientCapabilities= / };
  await endsWell(await run(folder, 'powerless', { 'loopback': ['127.0.0.1', wanted] }, powerless));
  await net.near.sh('echo "0 0" >/proc/sys/net/ipv4/ping_group_range');
  const daemon = await run(folder, 'ping', planned, powerless);
  // Many at once share the socket and are not mixed up.
  await Promise.all(['loopback', 'large', 'name', 'there', 'nobody'].map((id) => daemon.json('check', `prova/${id}`, '--now').catch(() => {})));
  const again = (await daemon.json('checks')).checks;
  for (const id of ['loopback', 'large', 'there', 'nobody'])
    ok(`at once: ${id}`, judge(again.find(({ check }) => check === id), planned[id][1]));
  await endsWell(daemon);
  await ambient(folder);
  await loss(folder, net);
});
