import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { filesOf } from '../src/appliance/files.ts';
import { readAppliance } from '../src/appliance/settings.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';

const TREE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(TREE, 'appliance/root');
const TOML = `
nickname = "wallace"
shares = ["/ 192.168.1.0/24 w no_root_squash", "/a\\\\040b * r"]
key = "s3cr3t"
web = true
[magmad]
failover = 4
time = "on"
[floating]
address = "192.168.1.100/24"
others = ["192.168.1.21", "fd00::22"]
`;

const directory = mkdtempSync(join(tmpdir(), 'magma-parts-'));
t.teardown(() => rmSync(directory, { recursive: true }));

/** The file that magma.toml makes at that path, as a file of this machine. */
function made(path: string, change = (text: string) => text): string {
  const { text } = filesOf(readAppliance(TOML, 'magma.toml')).find((file) => file.path === path)!;
  const file = join(directory, path.split('/').at(-1)!);
  writeFileSync(file, change(text), { mode: 0o600 });
  return file;
}

t.test(
  'nft takes the firewall that is made',
  {
    skip: unmet({ root: true, namespaces: true, commands: { nft: 'nftables' } }),
  },
  async (t) => {
    for (const settings of [null, readAppliance(TOML, 'magma.toml')]) {
      const file = join(directory, 'rules');
      writeFileSync(file, filesOf(settings).find(({ path }) => path.endsWith('nftables.conf'))!.text);
      const ran = await run('unshare', ['--net', 'nft', '-c', '-f', file]);
      t.same([ran.status, ran.stderr], [0, '']);
    }
  },
);

t.test(
  'keepalived takes the configuration that is made',
  {
    skip: unmet({ root: true, namespaces: true, commands: { keepalived: 'keepalived' } }),
  },
  async (t) => {
    const file = made('/run/magma/keepalived.conf');
    const ran = await run('unshare', ['--net', 'sh', '-c', `ip link add eth0 type bridge && keepalived -t -f ${file}`]);
    const said = (ran.stdout + ran.stderr)
      .split('\n')
      .filter((line) => line !== '' && !/not found\/accessible/.test(line));
    t.same(said, [], 'only the programs that it names are not installed here');
  },
);

t.test('magmad takes the magmad.toml that is made, with the rules of magma.toml', async (t) => {
  const key = join(directory, 'key');
  writeFileSync(key, 's3cr3t\n', { mode: 0o600 });
  const file = made('/run/magma/magmad.toml', (text) => text.replace('/run/credentials/magmad.service/key', key));
  const ran = await run(join(TREE, 'bin/magmad'), ['--check-config', '--config', file]);
  t.equal(ran.status, 0, ran.stderr);
  t.match(ran.stdout + ran.stderr, '192.168.1.0/24');
  t.notMatch(ran.stdout + ran.stderr, 's3cr3t');
});

t.test(
  "programs that the image's units and scripts name are in the image, may be run, and are sound shell",
  async (t) => {
    const units = readdirSync(join(ROOT, 'etc/systemd/system'), { recursive: true, withFileTypes: true });
    const own = /^\/usr\/(lib\/magma-appliance\/|bin\/magma-appliance)/;
    let seen = 0;
    for (const unit of units.filter((entry) => entry.isFile())) {
      const text = readFileSync(join(unit.parentPath, unit.name), 'utf8');
      for (const [, program] of text.matchAll(/^Exec\w+=-?(\/\S+)/gm)) {
        if (!own.test(program!)) continue;
        seen++;
        t.ok(existsSync(join(ROOT, program!)), `${unit.name}: ${program}`);
      }
    }
    t.ok(seen >= 5);
    const scripts = readdirSync(join(ROOT, 'usr/lib/magma-appliance')).map((name) =>
      join(ROOT, 'usr/lib/magma-appliance', name),
    );
    for (const script of [
      ...scripts,
      join(ROOT, 'usr/bin/magma-appliance'),
      join(TREE, 'appliance/build'),
      join(TREE, 'appliance/finish'),
    ]) {
      if (!script.endsWith('finish')) t.ok((statSync(script).mode & 0o111) === 0o111, `${script} may be run`);
      t.same((await run('bash', ['-n', script])).stderr, '');
    }
  },
);
