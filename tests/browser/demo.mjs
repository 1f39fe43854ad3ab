// The demo town as ./quickstart shows it, in a folder of its own and on free ports:
// the stand-in town, 90 days of history, the daemon.
import fs from 'node:fs';
import path from 'node:path';
import { build, must, source, start, tempFolder, vetrinad } from '../lib/scenario.mjs';

// -> the daemon, see vetrinad()
export async function startDemo() {
  const folder = tempFolder('browser');
  const townFolder = path.join(folder, 'town');
  fs.mkdirSync(townFolder);
  // The town ends with its input.
  const town = start('town', path.join(build, 'tests/lib/town'), ['0', '0', townFolder],
    { stdio: ['pipe', 'pipe', 'pipe'] });
  const [, http, https] = await town.until(/http (\d+) https (\d+)/);
  const configuration = fs.readFileSync(path.join(source, 'etc/demo.yaml'), 'utf8')
    .replace(/"127\.0\.0\.1:808[01]"/g, '"127.0.0.1:0"')
    .replace(/control: .*/, 'control: control.sock')
    .replaceAll(':18401/', `:${http}/`)
    .replaceAll(':18402/', `:${https}/`);
  const file = path.join(folder, 'vetrina.yaml');
  fs.writeFileSync(file, configuration);
  await must(path.join(build, 'tests/lib/town_seed'), [file], { timeout: 120000 });
  return vetrinad(folder, configuration);
}
