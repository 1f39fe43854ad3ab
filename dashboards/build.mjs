// Builds what vetrinad holds of the pages: node build.mjs TEMPLATE... STRINGS...
//
// The style is Bootstrap Italia, purged to what templates, scripts and C sources
// name, and src/style.css; the scripts are bundled by esbuild; icons are a subset of
// Bootstrap Italia's sprite, the favicon is ours. Each public file is named by the
// hash of its content and compressed once, here. All goes, with the templates and
// strings named on the command line, into dist/data.c (see assets.h); sizes go into
// dist/sizes.json, licences into dist/LICENSES. The same input gives the same output.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, 'node_modules');
const dist = path.join(here, 'dist');
const italia = path.join(modules, 'bootstrap-italia');

// Classes that a page has only once a script has run.
const SAFE_CLASSES = ['show', 'collapsed', 'expanded', 'navbar-open'];

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mustache': 'text/html; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

const read = (...parts) => fs.readFileSync(path.join(...parts));
const readText = (...parts) => read(...parts).toString('utf8').replace(/^\uFEFF/, '');

// npm ci, but only when the lock file has changed since the last one.
function install() {
  const mark = path.join(modules, '.vetrina-lock');
  const lock = readText(here, 'package-lock.json');
  if (fs.existsSync(mark) && fs.readFileSync(mark, 'utf8') === lock) return;
  execFileSync(process.env.NPM || 'npm', ['ci', '--loglevel=error', '--no-progress'], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  fs.writeFileSync(mark, lock);
}

// Words that may be classes: of a template all, of a C source those in its strings.
const words = (text) => text.match(/[A-Za-z0-9_-]+/g) || [];
const wordsInStrings = (text) => words((text.match(/"(?:[^"\\\n]|\\.)*"/g) || []).join(' '));

function sources(templates) {
  const list = templates.map((name) => ({ extension: 'mustache', raw: readText(here, name) }));
  for (const name of fs.readdirSync(path.join(here, 'src')).sort())
    if (name.endsWith('.js')) list.push({ extension: 'js', raw: readText(here, 'src', name) });
  const web = path.join(here, '..', 'daemon', 'web');
  for (const name of fs.readdirSync(web).sort())
    if (name.endsWith('.c')) list.push({ extension: 'c', raw: readText(web, name) });
  return list;
}

async function buildStyle(esbuild, content, fonts) {
  const { PurgeCSS } = await import('purgecss');
  const [purged] = await new PurgeCSS().purge({
    content,
    css: [{ raw: readText(italia, 'dist/css/bootstrap-italia.min.css') }],
    defaultExtractor: words,
    extractors: [{ extensions: ['c'], extractor: wordsInStrings }],
    safelist: { standard: [...SAFE_CLASSES, 'html', 'body'] },
    fontFace: true,
    keyframes: true,
  });
  const faces = fonts.map(({ weight, path: url }) => `@font-face{font-family:"Titillium Web";
    font-style:normal;font-weight:${weight};font-display:swap;
    src:url("${path.basename(url)}") format("woff2")}`);
  // Bootstrap's licence comment stands first and stays first.
  const css = [purged.css, ...faces, readText(here, 'src/style.css')].join('\n');
  const { code } = await esbuild.transform(css, { loader: 'css', minify: true });
  return Buffer.from(code);
}

async function buildScript(esbuild, name, define = {}) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(here, 'src', name)],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2020',
    legalComments: 'inline',
    write: false,
    outdir: dist,
    define,
  });
  const of = (extension) => outputFiles.find((file) => file.path.endsWith(extension));
  const css = of('.css');
  return { js: Buffer.from(of('.js').contents), css: css && Buffer.from(css.contents) };
}

function buildIcons(content) {
  const named = new Set();
  for (const { extension, raw } of content)
    for (const word of extension === 'c' ? wordsInStrings(raw) : words(raw)) named.add(word);
  const sprite = readText(italia, 'dist/svg/sprites.svg');
  const symbols = [...sprite.matchAll(/<symbol[^>]*\bid="([^"]+)".*?<\/symbol>/gs)]
    .filter(([, id]) => named.has(id))
    .map(([symbol]) => symbol);
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>\n`);
}

const LICENSES = [
  ['BSD-3-Clause-bootstrap-italia.txt', 'node_modules/bootstrap-italia/LICENSE'],
  ['MIT-bootstrap.txt', 'LICENSES/MIT-bootstrap.txt'],
  ['MIT-uplot.txt', 'node_modules/uplot/LICENSE'],
  ['OFL-1.1-titillium-web.txt', 'node_modules/bootstrap-italia/dist/fonts/Titillium_Web/OFL.txt'],
];

function buildLicenses() {
  fs.mkdirSync(path.join(dist, 'LICENSES'), { recursive: true });
  return Buffer.from(LICENSES.map(([name, from]) => {
    const text = readText(here, from).replace(/\r\n?/g, '\n').trimEnd() + '\n';
    writeFile(path.join('LICENSES', name), text);
    return `${name}\n${'='.repeat(name.length)}\n\n${text}`;
  }).join('\n\n'));
}

const compressed = (from, data) => (data.length < from.length * 0.95 ? data : null);

// A file that visitors fetch, named by its content.
function publicAsset(name, data) {
  const extension = path.extname(name);
  const hash = createHash('sha256').update(data).digest('hex').slice(0, 10);
  return {
    name,
    path: `/assets/${path.basename(name, extension)}-${hash}${extension}`,
    data,
    gzip: compressed(data, zlib.gzipSync(data, { level: 9 })),
    brotli: compressed(data, zlib.brotliCompressSync(data, {
      params: {
        [zlib.constants.BROTLI_PARAM_QUALITY]: 11,
        [zlib.constants.BROTLI_PARAM_SIZE_HINT]: data.length,
      },
    })),
  };
}

// The bytes as a C string literal, a line for every 2,000 bytes or so.
const ESCAPES = Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x22 || byte === 0x5c) return '\\' + String.fromCharCode(byte);
  if (byte === 0x3f) return '\\?'; // no trigraphs
  if (byte >= 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return '\\' + byte.toString(8).padStart(3, '0');
});

function literal(data) {
  const lines = [];
  for (let i = 0; i < data.length; i += 2000)
    lines.push('"' + Array.from(data.subarray(i, i + 2000), (byte) => ESCAPES[byte]).join('') + '"');
  return lines.join('\n') || '""';
}

function writeC(assets) {
  const out = ['/* Written by dashboards/build.mjs: change that. */', '#include "dashboards/assets.h"'];
  const bytes = (symbol, data) => {
    if (!data) return 'NULL, 0';
    out.push(`static const unsigned char ${symbol}[] =\n${literal(data)};`);
    return `${symbol}, ${data.length}`;
  };
  const rows = assets.map((asset, i) => `\t{"${asset.name}", ${asset.path ? `"${asset.path}"` : 'NULL'},
\t    "${TYPES[path.extname(asset.name)]}", ${bytes(`data_${i}`, asset.data)},
\t    ${bytes(`gzip_${i}`, asset.gzip)}, ${bytes(`brotli_${i}`, asset.brotli)}},`);
  out.push('const struct asset assets_list[] = {', ...rows, '};');
  out.push('const size_t assets_count = sizeof(assets_list) / sizeof(assets_list[0]);', '');
  writeFile('data.c', out.join('\n'));
}

// Whole or not at all: make may be interrupted.
function writeFile(name, data) {
  const to = path.join(dist, name);
  fs.writeFileSync(to + '.new', data);
  fs.renameSync(to + '.new', to);
}

// Every file of the folders must be named in Makefile.inc, or make would not see it
// change and make dist would leave it out.
function checkNamed(names) {
  for (const folder of ['templates', 'strings']) {
    const at = path.join(here, folder);
    for (const file of fs.existsSync(at) ? fs.readdirSync(at) : [])
      if (/\.(mustache|json)$/.test(file) && !names.includes(`${folder}/${file}`))
        throw new Error(`dashboards/${folder}/${file} is not named in dashboards/Makefile.inc`);
  }
}

async function main(names) {
  install();
  checkNamed(names);
  fs.mkdirSync(dist, { recursive: true });
  const esbuild = await import('esbuild');
  const content = sources(names.filter((name) => name.startsWith('templates/')));

  const fonts = [[300, '300'], [400, 'regular'], [600, '600'], [700, '700']].map(([weight, file]) => ({
    weight,
    ...publicAsset(`titillium-${weight}.woff2`, read(italia,
      `dist/fonts/Titillium_Web/titillium-web-v10-latin-ext_latin-${file}.woff2`)),
  }));
  const plot = await buildScript(esbuild, 'chart.js');
  const chartJs = publicAsset('chart.js', plot.js);
  const chartCss = publicAsset('chart.css', plot.css);
  const main = await buildScript(esbuild, 'main.js', {
    CHART_JS: JSON.stringify(path.basename(chartJs.path)),
    CHART_CSS: JSON.stringify(path.basename(chartCss.path)),
  });
  const assets = [
    ...names.map((name) => ({ name, data: read(here, name) })),
    ...fonts,
    chartJs,
    chartCss,
    publicAsset('main.js', main.js),
    publicAsset('style.css', await buildStyle(esbuild, content, fonts)),
    publicAsset('icons.svg', buildIcons(content)),
    publicAsset('favicon.svg', read(here, 'src/favicon.svg')),
    publicAsset('licenses.txt', buildLicenses()),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));

  const sizes = assets.filter((asset) => asset.path).map(({ name, path: at, data, gzip, brotli }) => ({
    name, path: at, bytes: data.length, gzip: gzip?.length ?? null, brotli: brotli?.length ?? null,
  }));
  writeFile('sizes.json', JSON.stringify(sizes, null, 1) + '\n');
  writeC(assets); // last: its time is what make looks at
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`dashboards/build.mjs: ${error.message}`);
  process.exitCode = 1;
});
