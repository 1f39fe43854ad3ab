// Every public page of the demo town, in each language, as citizens meet it: on a wide
// screen, on two phones, and without scripts. Pages are found by following links from
// the front page, so a page that nobody can reach, and a link that leads nowhere, are
// noticed too.
import { axe, italiaStyle, launch } from './browser.mjs';
import { atEnd, endsWell, note, ok, scenario } from '../lib/scenario.mjs';
import { startDemo } from './demo.mjs';
import { weigh } from './weight.mjs';

// Some 30 s on an idle machine; this is for one that is busy.
const LIMIT_MS = 600000;
const WIDTHS = [1280, 360, 320];
const LANGUAGES = { it: '/', en: '/en/' };
const ITALIA_SHARE_MIN = 0.3;
const SHIFT_MAX = 0.1;
const TAB_STOPS = 12;
const PAGES_MIN = 34; // two languages of 12 services and 5 pages about them
// What the "modello Comuni" asks of a footer.
const FOOTER = ['accessibility-link', 'privacy-policy-link', 'legal-notes', 'report-inefficiency'];

const languageOf = (path) => (path === '/en/' || path.startsWith('/en/') ? 'en' : 'it');
// /servizi/anagrafe and /en/services/mensa are of one kind each.
const kindOf = (path) => {
  const parts = path.split('/');
  return parts.length > 2 && parts.at(-1) !== '' ? [...parts.slice(0, -1), '*'].join('/') : path;
};
const hasChart = (path) => /^\/(servizi|en\/services)\/[^/]+$/.test(path);
const isPage = (path) => !/\.(json|csv|atom|ics|svg|jsonld|xml|txt)$/.test(path) &&
  !/^\/(api|assets|badge|embed)\//.test(path);

// A page that is used again and again, and keeps what each visit does on the way.
async function createView(context) {
  const page = await context.newPage();
  const view = { page, problems: [], origin: null };
  const complain = (problem) => view.problems.push(problem);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complain(`script: ${error}`));
  page.on('request', (request) => {
    const to = request.url();
    if (!to.startsWith(view.origin) && !to.startsWith('data:')) complain(`asks outside: ${to}`);
  });
  page.on('requestfailed', (request) => { // aborted: by leaving the page before
    const { errorText } = request.failure();
    if (errorText !== 'net::ERR_ABORTED') complain(`${request.url()}: ${errorText}`);
  });
  await page.addInitScript(() => {
    globalThis.vtShift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.vtShift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  return view;
}

// -> the answer
async function visit(view, url, status, until = 'load') {
  view.origin = new URL(url).origin;
  view.problems = [];
  await view.page.setViewportSize({ width: WIDTHS[0], height: 800 });
  // The browser says so too of a page that is not there.
  view.expected = (problem) => status === 404 && /status of 404/.test(problem);
  return view.page.goto(url, { waitUntil: until });
}

const problemsOf = (view) => view.problems.filter((problem) => !view.expected(problem));

function checkHeaders(answer, status) {
  const problems = [];
  const headers = answer.headers();
  const policy = headers['content-security-policy'] || '';
  if (answer.status() !== status) problems.push(`status ${answer.status()}`);
  if (!policy.includes("default-src 'none'")) problems.push(`policy: ${policy || 'none'}`);
  if (/unsafe/.test(policy)) problems.push(`policy is not strict: ${policy}`);
  if (headers['set-cookie']) problems.push('sets a cookie');
  if (headers['x-content-type-options'] !== 'nosniff') problems.push('no nosniff');
  if (!headers['referrer-policy']) problems.push('no referrer policy');
  return problems;
}

// -> those selectors with one of the classes that mean something in this page
function matching(page, selectors, classes) {
  const suspects = selectors.filter((selector) =>
    classes.some((name) => new RegExp(`\\.${name}(?![\\w-])`).test(selector)));
  return page.evaluate((list) => list.filter((selector) => {
    try {
      return document.querySelector(selector);
    } catch {
      return false;
    }
  }), suspects);
}

// What is wrong in the document itself, whatever the width.
async function checkDocument(page, language, status, italia) {
  const found = await page.evaluate(() => {
    const attributes = (selector, name) =>
      [...document.querySelectorAll(selector)].map((element) => element.getAttribute(name));
    return {
      lang: document.documentElement.lang,
      title: document.title,
      h1: document.querySelectorAll('h1').length,
      canonical: attributes('link[rel=canonical]', 'href'),
      hreflang: attributes('link[rel=alternate][hreflang]', 'hreflang'),
      footer: attributes('footer [data-element]', 'data-element'),
      classes: [...new Set([...document.querySelectorAll('[class]')].flatMap((e) => [...e.classList]))],
      inline: document.querySelectorAll('[style], style, script:not([src]):not([type="application/ld+json"])').length,
      fonts: [...document.fonts].filter((font) => font.status === 'loaded').length,
      strangers: [...document.querySelectorAll('h1,h2,h3,h4,h5,h6,p')].filter((e) =>
        !getComputedStyle(e).fontFamily.startsWith('"Titillium Web"')).length,
    };
  });
  const problems = [];
  const { classes } = found;
  const ours = classes.filter((name) => italia.classes.has(name));
  const missing = ours.filter((name) => !italia.served.has(name));
  if (found.lang !== language) problems.push(`lang is ${found.lang}`);
  if (!found.title) problems.push('no title');
  if (found.h1 !== 1) problems.push(`${found.h1} h1`);
  // A page that is not there stands for nothing, in no language.
  if (found.canonical.length !== (status === 200 ? 1 : 0))
    problems.push(`${found.canonical.length} canonical links`);
  for (const wanted of status === 200 ? [...Object.keys(LANGUAGES), 'x-default'] : [])
    if (!found.hreflang.includes(wanted)) problems.push(`no hreflang ${wanted}`);
  for (const element of FOOTER)
    if (!found.footer.includes(element)) problems.push(`footer has no data-element ${element}`);
  if (ours.length < classes.length * ITALIA_SHARE_MIN)
    problems.push(`only ${ours.length} of ${classes.length} classes are Bootstrap Italia's`);
  for (const selector of await matching(page, italia.selectors, missing))
    problems.push(`${selector} was purged from the style`);
  if (found.inline) problems.push(`${found.inline} inline styles or scripts`);
  if (!found.fonts) problems.push('no font loaded');
  if (found.strangers) problems.push(`${found.strangers} texts are not in Titillium Web`);
  return problems;
}

async function checkWidth(page, width) {
  await page.setViewportSize({ width, height: 800 });
  if (await page.locator('.vt-drawn').count()) await page.waitForTimeout(100); // it is drawn anew
  const wide = await page.evaluate(() => {
    const root = document.scrollingElement;
    return root.scrollWidth > innerWidth ? root.scrollWidth : 0;
  });
  return wide ? [`scrolls sideways: ${wide} px`] : [];
}

// Without a script nothing is hidden, and nothing pretends to be a button. (Axe needs
// scripts itself: it looks at the page with ours left out.)
async function checkWithoutScript(page) {
  return page.evaluate(() => {
    const problems = [];
    for (const hidden of document.querySelectorAll('main .collapse:not(.show)'))
      problems.push(`#${hidden.id} is closed`);
    for (const figure of document.querySelectorAll('.vt-figure'))
      if (![...figure.querySelectorAll('svg')].some((svg) => svg.clientHeight > 50))
        problems.push('a figure shows no drawing');
    for (const button of document.querySelectorAll('button[data-bs-toggle="navbarcollapsible"]'))
      if (button.offsetParent) problems.push('the menu button is shown, and does nothing');
    return problems;
  });
}

// On a phone the menu opens over the page, can be read, and closes with Escape.
async function checkMenu(page) {
  const button = page.locator('[data-bs-toggle="navbarcollapsible"]').first();
  if (!await button.isVisible()) return ['no menu button'];
  await button.click();
  await page.waitForTimeout(400); // it slides in
  const problems = await axe(page);
  const menu = page.locator(await button.getAttribute('data-bs-target'));
  if (!await menu.locator('a').first().isVisible()) problems.push('the menu does not open');
  await page.keyboard.press('Escape');
  if (await menu.isVisible()) problems.push('the menu does not close');
  return problems;
}

// With scripts, the chart comes when it is in view, and takes the drawing's place.
async function checkChart(page) {
  const problems = [];
  const figures = await page.locator('.vt-figure + .vt-plot, .vt-plot:has(+ .vt-figure)').count();
  if (!figures) return ['no chart'];
  await page.locator('.vt-figure').first().scrollIntoViewIfNeeded();
  await page.locator('.vt-plot canvas').first().waitFor({ timeout: 15000 }).catch(() => {});
  await page.waitForTimeout(100);
  const found = await page.evaluate(() => {
    const plot = document.querySelector('.vt-plot');
    const canvas = plot.querySelector('canvas');
    const pixels = canvas?.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data || [];
    return {
      ink: pixels.some((value) => value),
      hidden: plot.getAttribute('aria-hidden') === 'true',
      drawing: document.querySelectorAll('.vt-drawn svg[role=img]').length,
      shift: globalThis.vtShift,
    };
  });
  if (!found.ink) problems.push('the chart is empty');
  if (!found.hidden) problems.push('the chart is not hidden from assistive technology');
  if (!found.drawing) problems.push('the drawing is gone');
  if (found.shift > SHIFT_MAX) problems.push(`the page moves: ${found.shift.toFixed(3)}`);
  await page.emulateMedia({ media: 'print' });
  const printed = await page.evaluate(() =>
    [...document.querySelectorAll('.vt-drawn svg')].some((svg) => svg.clientHeight > 50) &&
    !document.querySelector('.vt-plot').clientHeight);
  if (!printed) problems.push('print does not show the drawing');
  await page.emulateMedia({ media: 'screen' });
  return [...problems, ...await checkReadout(page)];
}

// Pointed at, the chart tells the moment in the site's time zone, not the browser's, and
// the number as the page's language writes it. Its right edge is now.
async function checkReadout(page) {
  const plot = page.locator('.vt-plot .u-over').first();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2);
  const text = await page.locator('.vt-readout').first().textContent();
  const [, hour, minute, value] = text.match(/(\d\d):(\d\d): (.*)$/) || [];
  if (!value) return [`the chart tells ${JSON.stringify(text)}`];
  const problems = [];
  const lang = await page.evaluate(() => document.documentElement.lang);
  if (!(lang === 'it' ? /^\d+(,\d+)?\u00a0s$/ : /^\d+(\.\d+)?\u00a0s$/).test(value))
    problems.push(`the chart writes ${value} in ${lang}`);
  const [nowHour, nowMinute] = new Intl.DateTimeFormat('it',
    { timeZone: 'Europe/Rome', hour: '2-digit', minute: '2-digit' }).format().split(':');
  const late = (nowHour * 60 + +nowMinute - hour * 60 - minute + 1440) % 1440;
  if (late > 30) problems.push(`the chart ends at ${hour}:${minute}, it is ${nowHour}:${nowMinute}`);
  return problems;
}

// Where the numbers do not come, the server's drawing stays.
async function checkChartWithoutData(context, url) {
  const page = await context.newPage();
  await page.route('**/*.json*', (route) => route.fulfill({ status: 503, body: '' }));
  await page.goto(url, { waitUntil: 'networkidle' });
  const asked = page.waitForResponse((answer) => answer.status() === 503, { timeout: 15000 });
  await page.locator('.vt-figure').first().scrollIntoViewIfNeeded();
  const came = await asked.then(() => true, () => false);
  await page.waitForTimeout(100);
  const shown = await page.locator('.vt-figure svg:visible').count();
  const drawn = await page.locator('.vt-drawn, .vt-plot:visible').count();
  await page.close();
  return [...(came ? [] : ['the numbers were not asked for']),
    ...(shown ? [] : ['no drawing is shown']), ...(drawn ? ['the chart is shown'] : [])];
}

// With the keyboard: the first stop leads to the content, and one sees where one is.
async function checkKeyboard(page) {
  const problems = [];
  for (let stop = 1; stop <= TAB_STOPS; stop++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, boxShadow } = getComputedStyle(element);
      return {
        name: element.outerHTML.slice(0, 80),
        skip: element.matches('.skiplinks a') && element.getBoundingClientRect().height > 10,
        seen: outlineStyle !== 'none' || boxShadow !== 'none',
        body: element === document.body,
      };
    });
    if (at.body) break; // the end of a short page
    if (stop === 1 && !at.skip) problems.push(`the first stop is ${at.name}`);
    if (!at.seen) problems.push(`stop ${stop} does not show: ${at.name}`);
  }
  return problems;
}

// The accordions close and open, by keyboard.
async function checkAccordions(page) {
  const button = page.locator('[data-bs-toggle="collapse"]').first();
  if (!await button.count()) return [];
  const target = page.locator(await button.getAttribute('data-bs-target'));
  const states = [await target.isVisible()];
  await button.focus();
  await page.keyboard.press('Enter');
  states.push(await target.isVisible());
  await page.keyboard.press('Enter');
  states.push(await target.isVisible());
  return states.join() === 'false,true,false' ? [] : [`accordion shows ${states}`];
}

async function linksOf(page) {
  const links = await page.evaluate(() => [...document.querySelectorAll('a[href]')].map((a) => a.href));
  const origin = new URL(page.url()).origin;
  return links.filter((link) => link.startsWith(origin + '/')).map((link) => {
    const { pathname } = new URL(link);
    return pathname;
  });
}

// The page with scripts, at each width. whole: everything, not just what may differ
// between pages of one kind. -> its links
async function checkWithScripts(view, url, path, { status, whole, menu, italia }) {
  const language = languageOf(path);
  const { page } = view;
  const answer = await visit(view, url, status, whole ? 'networkidle' : 'load');
  const problems = [...checkHeaders(answer, status), ...await checkDocument(page, language, status, italia)];
  if (whole) problems.push(...await checkKeyboard(page));
  if (whole && hasChart(path)) problems.push(...await checkChart(page));
  problems.push(...await checkAccordions(page));
  for (const width of WIDTHS) {
    const here = await checkWidth(page, width);
    if (whole || width === WIDTHS.at(-1)) here.push(...await axe(page));
    if (width === WIDTHS[0]) here.unshift(...problems);
    if (menu && width === 360) here.push(...await checkMenu(page));
    if (width === WIDTHS.at(-1)) here.push(...problemsOf(view));
    ok(`${path} ${language} ${width}`, here);
  }
  return linksOf(page);
}

async function checkBare(views, url, path, { status, whole }) {
  await visit(views.bare, url, status);
  const problems = [...await checkWithoutScript(views.bare.page),
    ...await checkWidth(views.bare.page, 360), ...problemsOf(views.bare)];
  if (whole) {
    await visit(views.still, url, status);
    problems.push(...await axe(views.still.page));
  }
  ok(`${path} ${languageOf(path)} without scripts`, problems);
}

// Both views at once. -> the links
async function checkPage(views, demo, path, what) {
  const [links] = await Promise.all([
    checkWithScripts(views.script, demo.url + path, path, what),
    checkBare(views, demo.url + path, path, what),
  ]);
  return links;
}

async function servedStyle(page) {
  const href = await page.locator('link[rel=stylesheet]').first().getAttribute('href');
  return (await page.request.get(new URL(href, page.url()).href)).text();
}

await scenario(async () => {
  const browser = await launch();
  atEnd(() => browser.close());
  const demo = await startDemo();
  const started = Date.now();
  const contexts = {
    script: await browser.newContext({ locale: 'it-IT', timezoneId: 'America/New_York' }),
    noScript: await browser.newContext({ locale: 'it-IT', javaScriptEnabled: false }),
    still: await browser.newContext({ locale: 'it-IT' }),
  };
  await contexts.still.route('**/*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  const views = {
    script: await createView(contexts.script),
    bare: await createView(contexts.noScript),
    still: await createView(contexts.still),
  };
  const weight = await weigh(browser, `${demo.url}/`);
  ok(weight.sentence, weight.problems);
  await visit(views.script, `${demo.url}/`, 200);
  const italia = italiaStyle(await servedStyle(views.script.page));
  const known = new Set(Object.values(LANGUAGES));
  const kinds = new Set();
  const other = new Set();
  for (const path of known) { // grows while it is walked
    const whole = !kinds.has(kindOf(path));
    kinds.add(kindOf(path));
    const menu = Object.values(LANGUAGES).includes(path);
    const links = await checkPage(views, demo, path, { status: 200, whole, menu, italia });
    for (const link of links) (isPage(link) ? known : other).add(link);
  }
  for (const path of ['/non-esiste/', '/en/does-not-exist/'])
    await checkPage(views, demo, path, { status: 404, whole: true, italia });
  ok(`${known.size} pages are found by their links`, known.size < PAGES_MIN ? ['too few'] : []);
  ok('without its numbers a chart is the drawing of the server',
    await checkChartWithoutData(contexts.script, `${demo.url}${[...known].find(hasChart)}`));
  const dead = [];
  for (const path of other) {
    const answer = await contexts.script.request.get(demo.url + path);
    if (!answer.ok()) dead.push(`${path}: ${answer.status()}`);
  }
  ok(`${other.size} links to data and files lead somewhere`, dead);
  const cookies = [...await contexts.script.cookies(), ...await contexts.noScript.cookies()];
  ok('no cookie', cookies.map(({ name }) => name));
  note(`${known.size} pages in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  await endsWell(demo);
}, LIMIT_MS);
