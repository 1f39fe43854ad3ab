// The collectors that read numbers out of a body, against nginx with files: verdict,
// class, sentence and values, which rrdtool finds in the archive.
import fs from 'node:fs';
import path from 'node:path';
import { nginx } from '../lib/nginx.mjs';
import {
  endsWell, equal, freePorts, must, need, ok, scenario, site, tempFolder, until, vetrinad,
} from '../lib/scenario.mjs';

const queue = { state: 'ok', queue: { pending: 12, oldest: '12.5', idle: null } };

function json(at) {
  const values = { pendenti: { at: '/queue/pending', min: 0, max: 100 }, attesa: { at: '/queue/oldest', unit: 's' } };
  const big = { values: { ultimo: { at: '/list/99999' } } };
  return {
    'json': [{ json: { url: at('queue.json'), values, expect: '/state = "ok"' } },
      ['up', 'ok', /^200, HTTP\/1\.1, \d+ bytes$/], { pendenti: 12, attesa: 12.5 }],
    'json-null': [{ json: { url: at('queue.json'), values: { fermi: { at: '/queue/idle' } } } }, ['up', 'ok', /./], { fermi: null }],
    'json-missing': [{ json: { url: at('queue.json'), values: { ...values, altro: { at: '/other' } } } },
      ['down', 'json', /^\/other is not in the document$/], { pendenti: 12, altro: null }],
    'json-beyond': [{ json: { url: at('queue.json'), values: { pendenti: { at: '/queue/pending', max: 10 } } } },
      ['down', 'json', /^pendenti is 12, expected 10 or less$/], { pendenti: null }],
    'json-expect': [{ json: { url: at('queue.json'), values, expect: '/state = "no"' } },
      ['down', 'json', /^\/state is "ok", expected "no"$/], { pendenti: 12 }],
    'json-big': [{ json: { url: at('big.json'), ...big } }, ['up', 'ok', /./], { ultimo: 99999 }],
    'json-cut': [{ json: { url: at('cut.json'), ...big } }, ['down', 'json', /^the body is not JSON: line 1, column \d+/], { ultimo: null }],
    'json-none': [{ json: { url: at('none.json'), values } }, ['down', 'status', /^status 404/], { pendenti: null, attesa: null }],
  };
}

const components = [
  { id: 'g1', name: 'Italia', status: 'partial_outage', group: true, group_id: null },
  { id: 'c1', name: 'Portale', status: 'operational', group: false, group_id: 'g1' },
  { id: 'c2', name: 'API', status: 'partial_outage', group: false, group_id: 'g1' },
  { id: 'c3', name: 'Posta', status: 'under_maintenance', group: false, group_id: null },
];
const summary = {
  page: { id: 'p1', name: 'Fornitore', url: 'https://status.example.it' }, components,
  incidents: [{ name: 'API lenta', status: 'identified', impact: 'minor', components: [components[2]] }],
  scheduled_maintenances: [{ name: 'Si aggiorna', status: 'in_progress', components: [components[3]] }],
  status: { indicator: 'minor', description: 'Guasto parziale' },
};

function statuspage(at) {
  const url = at('summary.json');
  const cut = at('summary-cut.json');
  return {
    'page': [{ statuspage: url }, ['degraded', 'ok', /^Guasto parziale \(API lenta\)$/], { indicator: 1, incidents: 1 }],
    'component': [{ statuspage: { url, component: 'Portale' } }, ['up', 'ok', /^Portale: operational$/], { indicator: 0, incidents: 0 }],
    'component-id': [{ statuspage: { url, component: 'c2' } }, ['down', 'status', /^c2: partial outage \(API lenta\)$/], { indicator: 2, incidents: 1 }],
    'group': [{ statuspage: { url, group: 'Italia' } }, ['down', 'status', /^Italia: partial outage/], { indicator: 2, incidents: 1 }],
    'maintained': [{ statuspage: { url, component: 'Posta' } }, ['degraded', 'ok', /^Posta: under maintenance \(Si aggiorna\)$/], { indicator: 1, incidents: 0 }],
    'no-component': [{ statuspage: { url, component: 'Firma' } }, ['down', 'json', /^the page has no component Firma$/], { indicator: null }],
    'page-cut': [{ statuspage: cut }, ['down', 'json', /^the body is not JSON/], { indicator: null, incidents: null }],
    'no-page': [{ statuspage: at('queue.json') }, ['down', 'json', /^the document is no summary of a Statuspage: it has no status$/], {}],
  };
}

function files(www) {
  const write = (name, text) => fs.writeFileSync(path.join(www, name), text);
  const big = JSON.stringify({ list: Array.from({ length: 100000 }, (_, i) => i) });
  write('queue.json', JSON.stringify(queue));
  write('summary.json', JSON.stringify(summary));
  write('summary-cut.json', JSON.stringify(summary).slice(0, 300));
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
  const planned = { ...json(at), ...statuspage(at) };
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
