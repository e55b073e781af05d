import t, { type Test } from 'tap';
import { ETCD, EtcdCluster } from '../clients/etcd.ts';
import { unmet } from '../lib/requirements.ts';
import { seeded, TEST_TIMEOUT } from '../lib/seed.ts';
import { type Client, client } from './lib/client.ts';
import { at, scratch, threeVolcanos, whole } from './lib/ring.ts';
import { soundRing, twoCopies } from './lib/sound.ts';

/* Real processes: one is killed, or stopped, and not started again before the others have gone on without it (issue 6). */

const FAILOVER_SECONDS = 3;
/** Files that each client makes while one is away: with what comes before, and after. */
const FILES_EACH = 15;

/** Where the maps lie, as volcanos are told. */
async function told(t: Test, maps: 'on the first' | 'in etcd'): Promise<string[]> {
  if (maps === 'on the first') return [];
  const etcd = await EtcdCluster.start();
  t.teardown(() => etcd.stop());
  return ['--etcd', etcd.endpoints[0]!.origin];
}

for (const [how, gone, maps] of [
  ['SIGKILL', 1, 'on the first'],
  ['SIGSTOP', 2, 'on the first'],
  ['SIGKILL', 0, 'in etcd'],
] as const) {
  t.test(
    `${how} of number ${gone} of three under load, maps ${maps}: clients of the others see a pause and no error, two copies of everything come back, and so does it (issue 6)`,
    { timeout: TEST_TIMEOUT, skip: maps === 'in etcd' && unmet(ETCD) },
    async (t) => {
      const { random } = seeded((line) => t.comment(line));
      const ring = await threeVolcanos(t, scratch(t), ['--failover', `${FAILOVER_SECONDS}`, ...(await told(t, maps))]);
      const asked = at(ring[gone === 0 ? 1 : 0]);
      const clients = await Promise.all(ring.filter((_, index) => index !== gone).map((one) => client(t, one)));
      const [{ nfs, root }] = clients as [Client];
      const top = (await nfs.ok('MKDIR', root, 'top', { mode: 0o755 })).handle!;
      const answered = new Map<string, Buffer>();
      let longest = 0;
      const make = async ({ nfs }: Client, name: string): Promise<void> => {
        const began = performance.now();
        const { handle } = await nfs.ok('CREATE', top, name, { mode: 0o644 });
        const data = random.bytes(1 + random.below(6000));
        await nfs.ok('WRITE', handle!, 0, data);
        await nfs.ok('RENAME', top, name, top, `${name}.done`);
        answered.set(`${name}.done`, data);
        longest = Math.max(longest, performance.now() - began);
      };
      const work = (round: string): Promise<unknown> =>
        Promise.all(
          clients.map(async (one, index) => {
            for (let made = 0; made < FILES_EACH; made++) await make(one, `${round}-${index}-${made}`);
          }),
        );
      await work('before');
      const { volcano } = ring[gone]!;
      longest = 0;
      if (how === 'SIGKILL') await volcano.kill();
      else volcano.pause();
      await work('away');
      t.comment(`the longest pause: ${Math.round(longest)} ms`);
      await twoCopies(asked);
      if (how === 'SIGKILL') await volcano.start([]);
      else volcano.resume();
      await work('back');
      await whole(t, asked, 3);
      const returned = await client(t, ring[gone]!);
      const wrong: string[] = [];
      for (const [name, data] of answered) {
        const { handle } = await returned.nfs.ok('LOOKUP', top, name);
        const { data: read } = await returned.nfs.ok('READ', handle!, 0, 8192);
        if (!read!.equals(data)) wrong.push(name);
      }
      t.same(wrong, [], `${answered.size} files are as they were written, seen through the one that was away`);
      const names = [...(await returned.nfs.list(top)).keys()].filter((name) => !name.startsWith('.'));
      t.same(names.sort(), [...answered.keys()].sort(), 'and there are no others');
      await soundRing(t, ring);
    },
  );
}
