// Test Anything Protocol, as automake's driver reads it.
let count = 0;
let failures = 0;

export function ok(name, problems) {
  count++;
  if (problems.length) failures++;
  console.log(`${problems.length ? 'not ok' : 'ok'} ${count} - ${name}`);
  for (const problem of problems)
    for (const line of String(problem).split('\n')) console.log(`# ${line}`);
}

export function note(text) {
  console.log(`# ${text}`);
}

export function skipAll(reason) {
  console.log(`1..0 # SKIP ${reason}`);
  process.exit(0);
}

export function bailOut(error) {
  console.log(`Bail out! ${String(error?.stack || error).split('\n')[0]}`);
  console.error(error);
}

// The plan comes last: what was not reached is missing from no list.
export function finish() {
  console.log(`1..${count}`);
  process.exitCode = failures ? 1 : 0;
}
