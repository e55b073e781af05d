import t from 'tap';
import { silentLogger } from '../base/logger.ts';
import { mirroredRing, planned, running } from '../dht/testing/mirrored.ts';
import { LOAD_MS } from '../dht/volcano/figures.ts';
import type { Ring } from '../dht/volcano.ts';
import { ALICE, DIRECTORY, FILE, ROOT, statusOf } from '../flare/store/testing/harness.ts';
import type { FlareId } from '../flare/types.ts';
import type { Share } from './areas.ts';
import { QuotaBook } from './quotas.ts';
import { parseShares } from './shares-file.ts';

/* Quotas between volcanos: docs/quotas.md, "Between volcanos". */

const SHARE = 3;
const HARD = 40;
/** Files that are asked for between two exchanges of figures. */
const BURST = 6;

function enforce(ring: Ring, clock: ConstructorParameters<typeof QuotaBook>[0]['clock'], directory: FlareId): void {
  const book = new QuotaBook({
    ...{ clock, notes: ring.notes, logger: silentLogger, elsewhere: ring.usageElsewhere },
    here: (share, uid) => ring.store.usageOf(share, uid),
  });
  const share: Share = { number: SHARE, path: '/a', directory };
  book.use(parseShares(`/a quota ${ALICE.uid} files=${HARD}`, 'shares').quotas, [share]);
  ring.store.enforce(book);
}

/** What all volcanos that run count together, each on the slices that it serves. */
function counted(rings: readonly Ring[]): number {
  return rings.reduce((sum, { store }) => sum + store.usageOf(SHARE, ALICE.uid).files, 0);
}

t.test(
  'In a ring a user has at most what fits into an exchange too much; after a takeover the count is the same',
  async (t) => {
    const ring = await mirroredRing(3);
    const first = ring.volcanos[0]!.up;
    const top = await ring.settle(
      (async () => {
        const made = await first.tree.create(ROOT, first.tree.root(), 'a', { ...DIRECTORY, mode: 0o777 });
        return first.tree.setattr(ROOT, made, { share: SHARE });
      })(),
    );
    for (const { up, clock } of ring.volcanos) enforce(up, clock!, top);

    let made = 0;
    let asked = 0;
    const create = async (): Promise<string> => {
      asked++;
      const { tree } = running(ring)[asked % running(ring).length]!;
      const status = await ring.settle(statusOf(() => tree.create(ALICE, top, `f${asked}`, FILE)));
      if (status === 'OK') made++;
      return status;
    };
    const burst = async (): Promise<void> => {
      for (let at = 0; at < BURST; at++) await create();
      await ring.time.run(LOAD_MS + 100);
    };
    while (asked < HARD + 4 * BURST) await burst();
    t.ok(made >= HARD, `${made} were made`);
    t.ok(made <= HARD + BURST, 'what was asked for between two exchanges, at most, is too much');
    t.equal(counted(running(ring)), made, 'no file is counted twice, or not');
    t.ok(
      running(ring).filter(({ store }) => store.usageOf(SHARE, ALICE.uid).files > 0).length > 1,
      'they lie on several',
    );
    const allKnow = (): void => {
      for (const { usageElsewhere, store } of running(ring))
        t.equal(
          usageElsewhere(SHARE, ALICE.uid).files + store.usageOf(SHARE, ALICE.uid).files,
          made,
          'all know of all',
        );
    };
    allKnow();

    ring.kill(2, 'power');
    ring.volcanos[2]!.ring = null;
    await planned(ring, ['v2']);
    await ring.time.run(2 * LOAD_MS);
    t.equal(counted(running(ring)), made, 'who has taken over counts the same');
    allKnow();
    t.equal(await create(), 'DQUOT');
    await ring.settle(
      (async () => {
        for (const name of Array.from({ length: asked }, (_, at) => `f${at + 1}`))
          await statusOf(() => first.tree.remove(ALICE, top, name));
      })(),
    );
    t.equal(counted(running(ring)), 0, 'nothing is left');
    await ring.close();
  },
);
