import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { inNamespace, makeNamespace } from './lib/namespace.ts';
import { unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';

const needs = { root: true, namespaces: true, commands: { ip: 'iproute2', nsenter: 'util-linux' } };
const HOLD = fileURLToPath(new URL('lib/hold-connections.ts', import.meta.url));

t.test(
  'issue 6, Floating service address: connections that came to an address which has left the host are reset, others stay, also when the link is down for a while',
  { skip: unmet(needs), timeout: TEST_TIMEOUT },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-lost-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const [there, here] = [makeNamespace(t, 'lost-there'), makeNamespace(t, 'lost-here')];
    const ip = (namespace: string, words: string) => execFileSync('ip', ['-n', namespace, ...words.split(' ')]);
    ip(there, `link add v0 type veth peer name v1 netns ${here}`);
    for (const [namespace, words] of [
      [there, 'addr add 10.9.0.1/24 dev v0'],
      [there, 'addr add 10.9.0.7/24 dev v0'],
      [here, 'addr add 10.9.0.2/24 dev v1'],
      [there, 'link set v0 up'],
      [here, 'link set v1 up'],
    ] as const)
      ip(namespace, words);
    const volcano = await Volcano.start(t, { directory: join(scratch, 'data'), namespace: there, nfsPort: 2049 });
    const child = spawn(...inNamespace(here, process.execPath, HOLD, '2049', '10.9.0.1', '10.9.0.7'), {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const connections = (): string[] => {
      const words = ['-Htn', 'state', 'established', 'sport = :2049'];
      const [command, args] = inNamespace(there, 'ss', ...words);
      const lines = execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n');
      return lines.map((line) => /10\.9\.0\.\d/.exec(line)![0]).sort();
    };
    t.same(connections(), ['10.9.0.1', '10.9.0.7']);
    // The host sees no link now, and has its addresses all the same.
    ip(here, 'link set v1 down');
    ip(there, 'addr del 10.9.0.7/24 dev v0');
    await volcano.says(/has lost an address/);
    t.match(volcano.log, /"address":"10\.9\.0\.7".*has lost an address/);
    t.notMatch(volcano.log, /"address":"10\.9\.0\.1".*has lost an address/);
    // It is said before the kernel has taken it away.
    while (connections().includes('10.9.0.7'));
    t.same(connections(), ['10.9.0.1']);
    child.stdin.end();
    t.equal(await volcano.stop(), 0);
  },
);
