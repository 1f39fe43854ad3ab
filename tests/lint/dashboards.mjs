// The pages' sources: every language says the same things, templates name only words
// that exist, the strict policy has nothing to forbid, and what is told by colour can
// be told apart on white.
import fs from 'node:fs';
import path from 'node:path';
import { finish, ok } from '../lib/tap.mjs';

const dashboards = path.join(process.env.top_srcdir || '.', 'dashboards');
const CONTRAST_MIN = 4.5;

function filesOf(folder, extension) {
  const at = path.join(dashboards, folder);
  if (!fs.existsSync(at)) return [];
  return fs.readdirSync(at).filter((name) => name.endsWith(extension)).sort()
    .map((name) => ({ name, text: fs.readFileSync(path.join(at, name), 'utf8') }));
}

// "Da {from} a {to}" -> "{from} {to}"
const placeholders = (value) => (String(value).match(/\{\w+\}/g) || []).sort().join(' ');
const shape = (value) => (Array.isArray(value) ? `list of ${value.length}` : typeof value);

function checkLanguages(languages) {
  const problems = [];
  const [first, ...others] = languages;
  for (const { name, words } of others) {
    for (const key of Object.keys(words))
      if (!(key in first.words)) problems.push(`${name}: ${key} is not in ${first.name}`);
    for (const [key, value] of Object.entries(first.words)) {
      if (!(key in words)) problems.push(`${name}: no ${key}`);
      else if (shape(words[key]) !== shape(value)) problems.push(`${name}: ${key} is another kind of value`);
      else if (typeof value === 'string' && placeholders(words[key]) !== placeholders(value))
        problems.push(`${name}: ${key} has ${placeholders(words[key]) || 'no placeholder'}, ` +
          `${first.name} has ${placeholders(value) || 'none'}`);
    }
  }
  return problems;
}

function checkTemplate({ name, text }, words, templates) {
  const problems = [];
  for (const [, key] of text.matchAll(/\{\{[#^]?\s*t\.(\w+)/g))
    if (!(key in words)) problems.push(`${name}: no word ${key}`);
  for (const [, partial] of text.matchAll(/\{\{>\s*([\w-]+)/g))
    if (!templates.some((template) => template.name === `${partial}.mustache`))
      problems.push(`${name}: no template ${partial}`);
  // Unescaped is only what our own code has drawn: members that begin with _.
  for (const [all] of text.matchAll(/\{\{(?:\{|&)\s*(?!_)[\w.]+/g))
    problems.push(`${name}: ${all} is not escaped`);
  for (const [all] of text.matchAll(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:/gi))
    problems.push(`${name}: ${all.trim()} is against the policy`);
  for (const [all] of text.matchAll(/(?:href|src)="(?:https?:)?\/\/[^"]*/g))
    problems.push(`${name}: ${all} leads outside`);
  return problems;
}

// WCAG 2.1: (L1 + 0.05) / (L2 + 0.05)
function contrastOnWhite(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}

const style = fs.readFileSync(path.join(dashboards, 'src/style.css'), 'utf8');
const states = [...style.matchAll(/--vt-(?:state|text|muted): (#[0-9a-f]{6})/g)].map(([, colour]) => colour);
ok(`${states.length} colours of words can be read on white`,
  states.length < 5 ? ['colours were not found'] : states
    .filter((colour) => contrastOnWhite(colour) < CONTRAST_MIN)
    .map((colour) => `${colour}: ${contrastOnWhite(colour).toFixed(2)}`));

const languages = filesOf('strings', '.json').map(({ name, text }) => ({ name, words: JSON.parse(text) }));
const templates = filesOf('templates', '.mustache');
if (languages.length)
  ok(`${languages.length} languages say the same`, checkLanguages(languages));
for (const template of templates)
  ok(`template ${template.name}`, checkTemplate(template, languages[0]?.words || {}, templates));
finish();
