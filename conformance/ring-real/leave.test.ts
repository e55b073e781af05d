import t from 'tap';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { NumberedFiles } from './lib/files.ts';
import { at, magma, scratch, threeVolcanos, whole } from './lib/ring.ts';
import { soundOnline } from './lib/sound.ts';

/* Real processes: a volcano leaves its network under load (issue 7, `magma leave`). */

t.test(
  'A volcano leaves while a client writes by way of another one: no call fails, it ends with status 0, everything has its two copies',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const [first, second, third] = await threeVolcanos(t, scratch(t));
    const balance = await magma(['balance', '--json', ...at(first)]);
    t.match(balance, { status: 0 }, balance.stdout + balance.stderr);
    t.match(JSON.parse(balance.stdout), { paused: false, problems: [], moves: [] });
    t.same(
      JSON.parse(balance.stdout)
        .volcanos.map(({ volcano, weight }: { volcano: string; weight: number }) => [volcano, weight])
        .sort(),
      [first, second, third].map(({ nickname }) => [nickname, 1]).sort(),
    );
    t.match(await magma(['balance', '--pause', ...at(second)]), { status: 0, stdout: /^paused/ });
    t.match(await magma(['ring', ...at(third)]), { status: 0, stdout: /paused \(magma balance --resume\)/ });
    t.match(await magma(['balance', '--resume', ...at(third)]), { status: 0, stdout: /^slices are moved again/ });
    t.match(await magma(['balance', ...at(first)]), { status: 0, stdout: /^on: .*wallace +1 /s });
    t.match(await magma(['balance', '--pause', '--resume', ...at(first)]), { status: 2 });

    const { nfs, root } = await client(t, first);
    const files = new NumberedFiles(nfs, root).begin();

    t.match(await magma(['leave', '--yes', ...at(first), 'wallace']), {
      status: 1,
      stderr: /wallace keeps the register of the maps.*Cure: .*magma takeover/,
    });
    t.match(await magma(['leave', ...at(first), 'gromit']), { status: 2, stderr: /Cure: --yes/ });
    t.match(await magma(['leave', '--yes', ...at(first), 'shaun']), { status: 1, stderr: /no volcano shaun/ });
    // Asked of the one that leaves itself, which is not there at the end.
    const left = await magma(['leave', '--yes', '--json', ...at(second), second.nickname]);
    t.match(left, { status: 0 }, left.stderr);
    t.match(JSON.parse(left.stdout), { volcano: second.nickname, state: 'left' });
    t.equal(await second.volcano.ended(), 0, second.volcano.log.slice(-2000));
    t.match(second.volcano.log, /has left its network: others have all that it had/);
    await whole(t, at(first), 2);

    // Who is called back before, or does not leave, stays.
    const back = await magma(['leave', '--back', ...at(first), third.nickname]);
    t.match(back, { status: 0, stdout: /penguin stays/ }, back.stderr);
    t.ok((await files.end()) > 0, 'no call has failed meanwhile');
    await files.check(t, { nfs, root });
    await soundOnline(t, at(first));
  },
);
