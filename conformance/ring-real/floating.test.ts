import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { inNamespace } from '../lib/namespace.ts';
import { unmet } from '../lib/requirements.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { FLOATING, holder, MACHINES, startSite } from './lib/machines.ts';
import { magma, scratch, whole } from './lib/ring.ts';

const REPEATING = fileURLToPath(new URL('lib/repeating.ts', import.meta.url));
const ASKED = ['--at', '127.0.0.1'];
const REPEATED = 18;

t.test(
  'issue 6, Floating service address: the machine that has it dies; calls that are sent again, over UDP and TCP, get their first answers from the next one, and are done once',
  { skip: unmet(MACHINES), timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const { machines, clients } = await startSite(t, directory, 'floating', ['--failover', '3'], 1);
    await whole(t, ASKED, machines.length, machines[0]!.wired.namespace);
    const first = await holder(machines);

    const child = spawn(...inNamespace(clients[0]!, process.execPath, REPEATING, FLOATING), {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    t.equal((await lines.next()).value, 'told');
    const dead = first.die();
    child.stdin.end('go\n');
    await dead;
    const told = JSON.parse((await lines.next()).value ?? '{}');
    t.same(told, { repeated: REPEATED, wrong: [] }, 'all answers are the first ones, and nothing was done twice');
    const [status] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    t.equal(status, 0);
    const second = await holder(machines.filter((machine) => machine !== first));

    await first.boot();
    await whole(t, ASKED, machines.length, second.wired.namespace);
    t.equal(await holder(machines), second, 'who comes back lets it lie where it is');

    const [cut, ...others] = machines.filter((machine) => machine !== second).concat(second);
    const ready = () => magma(['ready', ...ASKED], cut!.wired.namespace);
    t.match(await ready(), { status: 0, stdout: 'ready\n' });
    cut!.part(others, { deaf: true, mute: true });
    t.match(await ready(), { status: 1, stderr: /is cut off: none of \w+, \w+ answers\n$/ });
    cut!.join();
  },
);

t.test('the recipe for keepalived as it is shipped is one', { skip: unmet(MACHINES) }, async (t) => {
  const recipe = fileURLToPath(new URL('../../systemd/keepalived.conf', import.meta.url));
  const { stdout, stderr } = spawnSync('keepalived', ['-t', '-f', recipe], { encoding: 'utf8' });
  const said = (stdout + stderr).split('\n').filter((line) => line !== '' && !/not found\/accessible$/.test(line));
  t.same(said, [], 'nothing is unknown in it; only the programs that it names are not installed here');
});
