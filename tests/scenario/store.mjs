// What the daemon keeps: each site's by itself, read back before it is in its file, and
// carried along when the retention or the data sources are others at the next start.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { endsWell, equal, listen, must, need, ok, scenario, site, tempFolder, until, vetrinad } from '../lib/scenario.mjs';

const NAME = 'sito/portale';

// -> { status, text } of a page asked for by a Host
const get = (daemon, host, where) => new Promise((done, fail) =>
  http.get(`${daemon.url}${where}`, { headers: { host } }, (answer) => {
    let text = '';
    answer.on('data', (data) => { text += data; });
    answer.on('end', () => done({ status: answer.statusCode, text }));
  }).on('error', fail));

async function sites(daemon, store) {
  const answers = {};
  for (const [host, where] of [['uno.example', '/'], ['due.example', '/dati/'], ['due.example', '/'],
    ['tre.example', '/'], ['uno.example', '/servizi/solo-due'], ['due.example', '/dati/servizi/solo-due']])
    answers[`${host}${where}`] = await get(daemon, host, where);
  ok('Host and path choose the site', [
    ...equal('statuses', Object.values(answers).map(({ status }) => status), [200, 200, 404, 421, 404, 200]),
    ...(/Comune Uno/.test(answers['uno.example/'].text) && !/Comune Due/.test(answers['uno.example/'].text) ? [] : ['uno']),
    ...(/Comune Due/.test(answers['due.example/dati/'].text) && !/Comune Uno/.test(answers['due.example/dati/'].text) ? [] : ['due']),
  ]);
  const ids = async (...words) => (await daemon.json(...words, 'checks')).checks.map((check) => `${check.site}/${check.service}/${check.check}`);
  ok('vetrinactl tells of one site or of all', [
    ...equal('all', (await ids()).sort(), ['due/sito/portale', 'due/solo-due/portale', 'uno/sito/portale']),
    ...equal('one', (await ids('--site', 'uno')).sort(), ['uno/sito/portale']),
    ...equal('a name that two sites have', (await daemon.ctl('check', NAME)).code, 1),
    ...equal('told apart', (await daemon.json('--site', 'due', 'check', NAME)).site, 'due'),
  ]);
  const files = ['uno/rrd/sito/portale.rrd', 'due/rrd/sito/portale.rrd', 'due/rrd/solo-due/portale.rrd', 'uno/ledger.sqlite', 'due/ledger.sqlite'];
  ok('each has its own files', files.filter((file) => !fs.existsSync(path.join(store, file))));
}

// Rows of a file as the stock rrdtool reads them: time -> total
async function rows(file) {
  const [heads, , ...lines] = (await must('rrdtool', ['fetch', file, 'AVERAGE', '-s', '-120s', '-r', '1'])).split('\n');
  const column = 1 + heads.trim().split(/\s+/).indexOf('total');
  return new Map(lines.map((line) => line.split(/:? +/)).filter((row) => row.length > 3 && !/nan/.test(row[column]))
    .map((row) => [row[0], row[column]]));
}

async function shape(file) {
  const info = await must('rrdtool', ['info', file]);
  return {
    sources: [...info.matchAll(/^ds\[(\w+)\]\.index/gm)].map(([, name]) => name),
    rows: [...info.matchAll(/^rra\[\d+\]\.rows = (\d+)/gm)].map(([, count]) => Number(count)),
  };
}

await scenario(async () => {
  need('rrdtool');
  const folder = tempFolder('store');
  const store = path.join(folder, 'store');
  const port = await listen(http.createServer((request, response) => response.end('Servizio attivo')));
  const service = (id) => ({ public: true, checks: { portale: { every: '1s', timeout: '1s', http: `http://127.0.0.1:${port}/${id}` } } });
  const configuration = {
    store: { path: store, retention: ['1s:1h'] },
    sites: {
      uno: { ...site({ sito: service('uno') }), name: 'Comune Uno', url: 'http://uno.example' },
      due: { ...site({ sito: service('due'), 'solo-due': service('solo') }), name: 'Comune Due', url: 'http://due.example/dati' },
    },
  };
  let daemon = await vetrinad(folder, configuration);
  const samples = (least) => until('samples', async () => (await daemon.json('status')).store.samples >= least);
  await samples(9);
  await sites(daemon, store);

  const file = path.join(store, 'uno/rrd/sito/portale.rrd');
  const written = async () => Number(await must('rrdtool', ['last', file]));
  const { last } = await until('a sample that is not in its file', async () => {
    const check = await daemon.json('check', `uno/${NAME}`);
    return await written() < Math.floor(Date.parse(check.last.time) / 1000) && check;
  });
  const from = Math.floor(Date.parse(last.time) / 1000) - 5;
  await until('a reader sees a sample that waits', async () => {
    const { text } = await get(daemon, 'uno.example', `/api/v1/series/${NAME}/total?from=${from}`);
    return JSON.parse(text).points.some(([, value]) => value !== null && Math.abs(value - last.values.total) < 1e-9);
  });
  // It was not in its file above; the reader's job has brought it there.
  ok('a reader sees samples that wait', await written() >= Math.floor(Date.parse(last.time) / 1000) ? [] : ['it is not in its file']);
  await daemon.json('flush');
  await endsWell(daemon);

  // Another retention, and a file that lacks a data source.
  const before = await rows(file);
  await must('rrdtool', ['tune', file, 'DEL:certificate_days']);
  const old = await shape(file);
  configuration.store.retention = ['1s:2h', '1m:1d'];
  daemon = await vetrinad(folder, configuration);
  await samples(9);
  await daemon.json('flush');
  const now = await shape(file), after = await rows(file);
  ok('a file of another shape is migrated at the start', [
    ...equal('rows before', old.rows, [3600]), ...equal('rows', now.rows, [7200, 1440, 1440, 1440]),
    ...equal('data sources', now.sources, [...old.sources, 'certificate_days']),
    ...(/portale\.rrd: migrated/.test(daemon.log()) ? [] : ['the log is silent']),
  ]);
  ok('its history is kept, and goes on', [
    ...(before.size >= 2 ? [] : [`only ${before.size} rows`]),
    ...[...before].filter(([time, total]) => after.get(time) !== total).map(([time, total]) => `${time}: ${total} became ${after.get(time)}`),
    ...(after.size > before.size ? [] : ['no new row']),
  ]);
  // Ctrl-C reaches all of a terminal's programs, and then some script ends them again.
  const again = setInterval(() => {
    try { process.kill(daemon.pid, 'SIGINT'); } catch { clearInterval(again); }
  }, 1);
  await endsWell(daemon);
  clearInterval(again);
});
