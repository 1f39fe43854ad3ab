// A check as `vetrinactl checks` tells it, judged.
import { between, equal } from './scenario.mjs';

// Of a phase that did not take place.
export const NONE = null;

// What a check says against what was wanted of it: {verdict, class, message: a pattern, size,
// phases: {source: [least, most] or NONE}}. -> problems
export function judge(check, wanted) {
  const problems = [
    ...equal('verdict', check.verdict, wanted.verdict),
    ...equal('class', check.class, wanted.class),
    ...(!wanted.message || wanted.message.test(check.message) ? [] : [`message, expected ${wanted.message}`]),
    ...('size' in wanted ? equal('size', check.last.values.size, wanted.size) : []),
  ];
  for (const [phase, bound] of Object.entries(wanted.phases ?? {})) {
    const value = check.last.values[phase];
    problems.push(...(bound === NONE ? equal(phase, value, null) : between(phase, value, ...bound)));
  }
  const { total, ...rest } = check.last.values;
  for (const phase of ['dns', 'connect', 'tls', 'first_byte'])
    if (total !== null && rest[phase] > total + 1e-6) problems.push(`${phase} is longer than total`);
  if (problems.length) problems.push(`message: ${check.message}`, `values: ${JSON.stringify(check.last.values)}`);
  return problems;
}
