// The collectors that read numbers out of a body, against nginx with files and
// Prometheus' metrics of itself: verdict,
// class, sentence and values, which rrdtool finds in the archive.
import fs from 'node:fs';
import path from 'node:path';
import { nginx } from '../lib/nginx.mjs';
import {
  between, endsWell, equal, freePorts, must, need, note, ok, scenario, site, start, tempFolder, vetrinad,
  which,
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

// A bound of a value is [least, most]: of counters, a second.
function openmetrics(at, exporter, ours) {
  const plain = { adesso: { series: 'vivi' }, errori: { series: 'richieste_total{code!="200"}', unit: '1/s' } };
  const of = (url, values, more) => ({ openmetrics: { url, values, ...more } });
  const go = { goroutine: { series: 'go_goroutines', min: 1 },
    richieste: { series: 'promhttp_metric_handler_requests_total{code="200"}', unit: '1/s' } };
  const up = ['up', 'ok', /^200, HTTP\/1\.1, /];
  return {
    'metrics': [of(at('metrics.txt'), plain), up, { adesso: 4, errori: 0 }],
    'metrics-none': [of(at('metrics.txt'), { altro: { series: 'vivi{sala="9"}' } }), ['down', 'match', /^no series matches vivi\{sala="9"\}$/], { altro: null }],
    'metrics-beyond': [of(at('metrics.txt'), { adesso: { series: 'vivi', max: 3 } }), ['down', 'match', /^adesso is 4, expected 3 or less$/], { adesso: null }],
    'metrics-cut': [of(at('metrics-cut.txt'), plain), ['down', 'protocol', /^the text is cut off in line \d+$/], {}],
    'metrics-html': [of(at('queue.json'), plain), ['down', 'protocol', /^the text is cut off in line 1$/], {}],
    'ourselves': [of(ours, { giri: { series: 'vetrina_check_runs_total', unit: '1/s' }, noi: { series: 'vetrina_check_known{check="json"}' } }),
      up, { giri: [1, 500], noi: 1 }],
    ...(exporter ? {
      'prometheus': [of(exporter, go), up, { goroutine: [5, 5000], richieste: [0.1, 50] }],
      'prometheus-openmetrics': [of(exporter, go, { headers: 'Accept: application/openmetrics-text; version=1.0.0' }),
        up, { goroutine: [5, 5000], richieste: [0.1, 50] }],
    } : {}),
  };
}

function csv(at, folder) {
  const where = 'Stato=aperto';
  const values = { ultimo: { column: 'Importo (€)', where, unit: 'EUR' }, primo: { column: 'Importo (€)', where, take: 'first' },
    somma: { column: 'Importo (€)', take: 'sum' }, aperti: { take: 'count', where } };
  const found = { ultimo: 1234.5, primo: 12, somma: 1247.5, aperti: 2 };
  const up = ['up', 'ok', /./];
  const path_ = path.join(folder, 'www', 'dati.csv');
  return {
    'csv': [{ csv: { url: at('dati.csv'), values } }, up, found],
    'csv-windows': [{ csv: { url: at('dati-windows.csv'), values } }, up, found],
    'csv-point': [{ csv: { url: at('dati-point.csv'), values } }, up, found],
    'csv-path': [{ csv: { path: path_, values } }, ['up', 'ok', /^\d+ bytes$/], { ...found, first_byte: null }],
    'csv-no-path': [{ csv: { path: `${path_}.old`, values } }, ['down', 'match', /dati\.csv\.old is not there$/], { ultimo: null }],
    'csv-no-row': [{ csv: { url: at('dati.csv'), values: { perso: { column: 'Importo (€)', where: 'Stato=perso' } } } },
      ['down', 'match', /^the table has no row for perso$/], { perso: null }],
    'csv-no-column': [{ csv: { url: at('dati.csv'), values: { altro: {} } } }, ['down', 'match', /^the table has no column altro$/], { altro: null }],
    'csv-cut': [{ csv: { url: at('dati-cut.csv'), values } }, ['down', 'protocol', /^line 4 has 1 cell, expected 2$/], { ultimo: null, somma: null }],
  };
}

async function startPrometheus(folder, port) {
  if (!which('prometheus')) {
    note('prometheus is not installed: its metrics are left out');
    return null;
  }
  const file = path.join(folder, 'prometheus.yml');
  fs.writeFileSync(file, 'global: {scrape_interval: 1h}\n');
  await start('prometheus', 'prometheus', [`--config.file=${file}`, `--storage.tsdb.path=${path.join(folder, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`]).until(/Server is ready/);
  return `http://127.0.0.1:${port}/metrics`;
}

function files(www) {
  const write = (name, text) => fs.writeFileSync(path.join(www, name), text);
  const big = JSON.stringify({ list: Array.from({ length: 100000 }, (_, i) => i) });
  write('queue.json', JSON.stringify(queue));
  write('summary.json', JSON.stringify(summary));
  write('summary-cut.json', JSON.stringify(summary).slice(0, 300));
  const metrics = '# TYPE vivi gauge\nvivi{sala="1"} 1\nvivi{sala="2"} 3\n# TYPE richieste_total counter\n'
    + 'richieste_total{code="200"} 9\nrichieste_total{code="500"} 2\n';
  write('metrics.txt', metrics);
  write('metrics-cut.txt', metrics.slice(0, -3));
  const table = 'Stato;Importo (€)\r\naperto;12\r\nchiuso;1\r\naperto;1.234,5\r\n';
  write('dati.csv', table);
  fs.writeFileSync(path.join(www, 'dati-windows.csv'), Buffer.from(table.replace('€', '\x80'), 'latin1'));
  write('dati-point.csv', 'Stato,Importo (€)\naperto,12\nchiuso,1\naperto,"1,234.5"\n');
  write('dati-cut.csv', table.slice(0, -12));
  write('big.json', big);
  write('cut.json', big.slice(0, big.length / 2));
}

await scenario(async () => {
  need('nginx', 'rrdtool');
  const folder = tempFolder('readings');
  const www = path.join(folder, 'www');
  fs.mkdirSync(www);
  files(www);
  const [port, admin, other] = await freePorts(3);
  await nginx(folder, [`server { listen 127.0.0.1:${port}; root ${www}; }`]);
  const at = (name) => `http://127.0.0.1:${port}/${name}`;
  const planned = { ...json(at), ...statuspage(at), ...csv(at, folder),
    ...openmetrics(at, await startPrometheus(folder, other), `http://127.0.0.1:${admin}/metrics`) };
  const checks = Object.fromEntries(Object.entries(planned)
    .map(([id, [check]]) => [id, { every: '2s', timeout: '2s', ...check }]));
  const daemon = await vetrinad(folder, {
    listen: { public: ['127.0.0.1:0'], admin: [`127.0.0.1:${admin}`], control: path.join(folder, 'control.sock') },
    sites: { prova: site({ prova: { checks } }) },
  });

  const judge = (check, [, [verdict, reason, message], values]) => [
    ...equal('verdict', check.verdict, verdict),
    ...equal('class', check.class, reason),
    ...(message.test(check.message) ? [] : [`message is ${check.message}`]),
    ...Object.entries(values).flatMap(([name, value]) => (Array.isArray(value)
      ? between(name, check.last.values[name], ...value) : equal(name, check.last.values[name], value))),
  ];
  // A rate takes two runs, and a busy machine may take its time for one.
  const problems = async () => Object.fromEntries((await daemon.json('checks')).checks
    .map((check) => [check.check, check.last.time ? judge(check, planned[check.check]) : ['was not measured']]));
  let found = await problems();
  for (const end = Date.now() + 60e3; Date.now() < end && Object.values(found).some((one) => one.length);) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    found = await problems();
  }
  for (const id of Object.keys(planned)) ok(id, found[id]);

  await daemon.ctl('flush');
  const info = await must('rrdtool', ['lastupdate', path.join(folder, 'store/prova/rrd/prova/json.rrd')]);
  ok('rrdtool reads them', equal('names', info.trim().split('\n')[0].trim().split(/\s+/),
    ['up', 'known', 'total', 'first_byte', 'pendenti', 'attesa']));
  const metrics = await (await fetch(`http://${daemon.status.admin}/metrics`)).text();
  ok('metrics have them', /vetrina_check_value\{[^}]*check="json"[^}]*source="pendenti"\} 12\n/.test(metrics)
    ? [] : ['no pendenti']);
  await endsWell(daemon);
});
