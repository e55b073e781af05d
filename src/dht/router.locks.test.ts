import t from 'tap';
import { sliceOf } from '../flare/keys.ts';
import { LOCK_WAIT_MS, type LockRequest } from '../flare/locks/types.ts';
import { bytes } from '../flare/store/locks/testing/requests.ts';
import { FILE, ROOT, statusOf } from '../flare/store/testing/harness.ts';
import type { Attributes } from '../flare/types.ts';
import { NearRing } from './testing/near-ring.ts';

/* Locks over several volcanos: any of them answers for all, each keeps those of its slices (docs/architecture.md, "Locks"). */

const VOLCANOS = 3;

async function ring() {
  const near = await NearRing.open({ volcanos: VOLCANOS, seed: 5 });
  const root = near.root();
  const files: Attributes[] = [];
  for (let at = 0; at < 12; at++) {
    files.push(
      await near.during(
        Promise.resolve(near.volcanos[at % VOLCANOS]!.router.create(ROOT, root, `f${at}`, { ...FILE, mode: 0o666 })),
      ),
    );
  }
  const owners = new Set(files.map(({ key }) => near.ownerOf(sliceOf(key))));
  if (owners.size < VOLCANOS) throw new Error('the files are not spread');
  const lock = (by: number, file: Attributes, request: LockRequest): Promise<string> =>
    near.during(statusOf(async () => near.volcanos[by]!.router.locks.lock(ROOT, file, request)));
  return { near, files, lock };
}

t.test('whichever volcano is asked: locks exclude each other, and each owner keeps its own', async (t) => {
  const { near, files, lock } = await ring();
  for (const [at, file] of files.entries()) {
    t.equal(await lock(at % VOLCANOS, file, bytes('a1', 'exclusive', 0, 10)), 'OK');
    for (let by = 0; by < VOLCANOS; by++) t.equal(await lock(by, file, bytes('b1', 'shared', 9, 1)), 'AGAIN');
    const held = await near.during(
      Promise.resolve(near.volcanos[(at + 1) % VOLCANOS]!.router.locks.test(ROOT, file, bytes('b1', 'shared'))),
    );
    t.match(held, { owner: 'a1', start: 0n, last: 9n });
  }
  for (const [at, { store }] of near.volcanos.entries()) {
    const own = files.filter(({ key }) => near.ownerOf(sliceOf(key)) === at);
    t.equal(store.locks.listed('').locks.length, own.length);
    const elsewhere = files.find(({ key }) => near.ownerOf(sliceOf(key)) !== at)!;
    t.throws(() => store.locks.keep('host a', [elsewhere]), { message: /not served/ });
    t.throws(() => store.locks.release('host a', [elsewhere]), { message: /not served/ });
  }
  const router = near.volcanos[0]!.router;
  const kept = await near.during(Promise.resolve(router.locks.keep('host a', files)));
  t.equal(kept.length, files.length);
  t.notOk(kept.includes(0));
  await near.during(Promise.resolve(router.locks.release('host a', files.slice(0, 6))));
  const left = await near.during(Promise.resolve(router.locks.keep('host a', files)));
  t.same(left, [...new Array(6).fill(0), ...kept.slice(6)], 'in the order in which they were asked for');
  await near.close();
});

t.test(
  'a lock is waited for at its owner; one that restarts has all locks, and is asked again meanwhile',
  async (t) => {
    const { near, files, lock } = await ring();
    const file = files.find(({ key }) => near.ownerOf(sliceOf(key)) === 1)!;
    t.equal(await lock(0, file, bytes('a1', 'exclusive')), 'OK');
    const waiting = near.volcanos[2]!.router.locks.lock(ROOT, file, { ...bytes('b1', 'exclusive'), wait: true });
    t.equal(await lock(0, file, bytes('a1', 'none')), 'OK');
    await near.during(Promise.resolve(waiting));
    t.equal(await lock(0, file, bytes('a1', 'shared')), 'AGAIN');
    await near.stop(1);
    const asking = lock(0, file, bytes('a1', 'shared'));
    await near.start(1);
    t.equal(await asking, 'AGAIN', 'it was asked again until it was back, and knew');
    t.equal(await lock(2, file, bytes('b1', 'exclusive')), 'OK');
    const late = statusOf(async () =>
      near.volcanos[0]!.router.locks.lock(ROOT, file, { ...bytes('a1', 'shared'), wait: true }),
    );
    near.clock.advance(LOCK_WAIT_MS);
    t.equal(await near.during(late), 'AGAIN');
    await near.close();
  },
);
