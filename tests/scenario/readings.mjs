// The collectors that read numbers out of a body, against nginx with files: verdict,
// class, sentence and values, which rrdtool finds in the archive.
import fs from 'node:fs';
import path from 'node:path';
import { nginx } from '../lib/nginx.mjs';
import {
  endsWell, equal, freePorts, must, need, ok, scenario, site, tempFolder, until, vetrinad,
} from '../lib/scenario.mjs';

const queue = { status: 'ok', queue: { pending: 12, oldest: '12.5', idle: null } };

function json(at) {
  const values = { pendenti: { at: '/queue/pending', min: 0, max: 100 }, attesa: { at: '/queue/oldest', unit: 's' } };
  const big = { values: { ultimo: { at: '/list/99999' } } };
  return {
    'json': [{ json: { url: at('queue.json'), values, expect: '/status = "ok"' } },
      ['up', 'ok', /^200, HTTP\/1\.1, \d+ bytes$/], { pendenti: 12, attesa: 12.5 }],
    'json-null': [{ json: { url: at('queue.json'), values: { fermi: { at: '/queue/idle' } } } }, ['up', 'ok', /./], { fermi: null }],
    'json-missing': [{ json: { url: at('queue.json'), values: { ...values, altro: { at: '/other' } } } },
      ['down', 'json', /^\/other is not in the document$/], { pendenti: 12, altro: null }],
    'json-beyond': [{ json: { url: at('queue.json'), values: { pendenti: { at: '/queue/pending', max: 10 } } } },
      ['down', 'json', /^pendenti is 12, expected 10 or less$/], { pendenti: null }],
    'json-expect': [{ json: { url: at('queue.json'), values, expect: '/status = "no"' } },
      ['down', 'json', /^\/status is "ok", expected "no"$/], { pendenti: 12 }],
    'json-big': [{ json: { url: at('big.json'), ...big } }, ['up', 'ok', /./], { ultimo: 99999 }],
    'json-cut': [{ json: { url: at('cut.json'), ...big } }, ['down', 'json', /^the body is not JSON: line 1, column \d+/], { ultimo: null }],
    'json-none': [{ json: { url: at('none.json'), values } }, ['down', 'status', /^status 404/], { pendenti: null, attesa: null }],
  };
}

function files(www) {
  const write = (name, text) => fs.writeFileSync(path.join(www, name), text);
  const big = JSON.stringify({ list: Array.from({ length: 100000 }, (_, i) => i) });
  write('queue.json', JSON.stringify(queue));
  write('big.json', big);
  write('cut.json', big.slice(0, big.length / 2));
}

await scenario(async () => {
  need('nginx', 'rrdtool');
  const folder = tempFolder('readings');
  const www = path.join(folder, 'www');
  fs.mkdirSync(www);
  files(www);
  const [port] = await freePorts(1);
  await nginx(folder, [`server { listen 127.0.0.1:${port}; root ${www}; }`]);
  const at = (name) => `http://127.0.0.1:${port}/${name}`;
  const planned = { ...json(at) };
  const checks = Object.fromEntries(Object.entries(planned)
    .map(([id, [check]]) => [id, { every: '2s', timeout: '2s', ...check }]));
  const daemon = await vetrinad(folder, { sites: { prova: site({ prova: { checks } }) } });

  const measured = await until('all checks measured', async () => {
    const all = (await daemon.json('checks')).checks;
    return all.every((check) => check.last.time && check.verdict !== 'unknown') && all;
  });
  for (const [id, [, [verdict, reason, message], values]] of Object.entries(planned)) {
    const check = measured.find((one) => one.check === id);
    ok(id, [
      ...equal('verdict', check.verdict, verdict),
      ...equal('class', check.class, reason),
      ...(message.test(check.message) ? [] : [`message is ${check.message}`]),
      ...Object.entries(values).flatMap(([name, value]) => equal(name, check.last.values[name], value)),
    ]);
  }

  await daemon.ctl('flush');
  const info = await must('rrdtool', ['lastupdate', path.join(folder, 'store/prova/rrd/prova/json.rrd')]);
  ok('rrdtool reads them', equal('names', info.trim().split('\n')[0].trim().split(/\s+/),
    ['up', 'known', 'total', 'first_byte', 'pendenti', 'attesa']));
  const metrics = await (await fetch(`http://${daemon.status.admin}/metrics`)).text();
  ok('metrics have them', /vetrina_check_value\{[^}]*check="json"[^}]*source="pendenti"\} 12\n/.test(metrics)
    ? [] : ['no pendenti']);
  await endsWell(daemon);
});
