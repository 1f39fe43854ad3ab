// Debian's Chromium, driven by playwright-core, with axe-core put into its pages. Both
// libraries come from dashboards/node_modules; a test is skipped where they, or the
// browser, are not there (a release has no node_modules).
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { skipAll } from '../lib/tap.mjs';

export const dashboards = path.join(process.env.top_srcdir || '.', 'dashboards');
const modules = path.join(dashboards, 'node_modules');
const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

export async function launch() {
  const library = path.join(modules, 'playwright-core/index.mjs');
  if (!fs.existsSync(library)) skipAll('dashboards/node_modules is not there');
  if (!fs.existsSync(CHROMIUM)) skipAll(`${CHROMIUM} is not there`);
  const { chromium } = await import(pathToFileURL(path.resolve(library)).href);
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

let axeSource;

// -> what axe finds wrong, a line each
export async function axe(page) {
  axeSource ??= fs.readFileSync(path.join(modules, 'axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async (tags) => {
    const result = await globalThis.axe.run(document, {
      runOnly: { type: 'tag', values: tags },
      resultTypes: ['violations'],
    });
    return result.violations.map(({ id, help, nodes }) =>
      ({ id, help, at: nodes.map((node) => node.target.join(' ')).slice(0, 3) }));
  }, AXE_TAGS);
  return violations.map(({ id, help, at }) => `axe ${id}: ${help}: ${at.join(' | ')}`);
}

// Bootstrap Italia's whole style, and that part of it which the site serves.
export function italiaStyle(served) {
  const whole = fs.readFileSync(path.join(modules,
    'bootstrap-italia/dist/css/bootstrap-italia.min.css'), 'utf8');
  return { classes: classesOf(whole), served: classesOf(served), selectors: selectorsOf(whole) };
}

function classesOf(css) {
  return new Set([...css.matchAll(/\.(-?[_a-zA-Z][\w-]*)/g)].map(([, name]) => name));
}

// Without their pseudo-classes and -elements, which say when, not what.
function selectorsOf(css) {
  const selectors = [...css.matchAll(/([^{}]+)\{/g)].flatMap(([, list]) => list.split(','));
  return [...new Set(selectors.map((each) => each.replace(/::?[\w-]+(\([^)]*\))?/g, '').trim()))]
    .filter((each) => each.includes('.'));
}
