import { readFileSync } from 'node:fs';
import t from 'tap';
import { helpText } from './help.ts';
import { nearest } from './nearest.ts';
import { SETTINGS, type Setting } from './settings.ts';

const reference = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

t.test('the help and the configuration reference know every setting, and fit a terminal', async (t) => {
  const help = helpText();
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    t.match(help, new RegExp(`\\s--${name}\\b`));
    t.ok(reference.includes(`\`--${name}`), `docs/configuration.md has --${name}`);
    if (setting.short !== undefined) t.ok(reference.includes(`\`-${setting.short}\``), `and -${setting.short}`);
  }
  for (const line of help.split('\n')) t.ok(line.length <= 100, line);
});

t.test('a name that is nearly right is found, one that is far off is not', async (t) => {
  t.equal(nearest('nfsport', ['nfs-port', 'port']), 'nfs-port');
  t.equal(nearest('completely', ['nfs-port', 'port']), undefined);
});
