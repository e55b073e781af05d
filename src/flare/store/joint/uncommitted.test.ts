import t from 'tap';
import { seededRandom } from '../../../base/random.ts';
import { SimulatedDisk } from '../../../base/simulated-disk.ts';
import { BusyError, type Step } from '../../joint.ts';
import { keyOf } from '../../keys.ts';
import { NO_BYTES } from '../../record/pack.ts';
import type { FlareId, Key } from '../../types.ts';
import { DIRECTORY, FILE, ROOT, statusOf, testStore } from '../testing/harness.ts';

/* Operations over several owners, when what they depend on never becomes durable wherever an answer promises it. */

const ID = Buffer.alloc(16, 1);
const FAR = { key: keyOf('far' as Key, 'x'), generation: 2, fileid: 5, type: FILE.type };

function adding(directory: FlareId): Step[] {
  return [{ kind: 'addName', directory, name: 'x', target: FAR, replaces: null }];
}

t.test(
  'JointStore.hold: who is turned away while he waits for what he has seen to be committed holds nothing',
  async (t) => {
    const { store } = await testStore();
    const directory = await store.create(ROOT, store.root(), 'd', DIRECTORY);
    const { commitment } = store.replica;
    commitment.copies = { lsn: 0, full: false, any: true, room: () => Number.POSITIVE_INFINITY };
    const chmod = Promise.resolve(store.setattr(ROOT, directory, { mode: 0o711 })).catch(() => undefined);
    const held = Promise.resolve(store.joint.hold(ID, ROOT, adding(directory)));
    t.ok(store.busy, 'it is held meanwhile');
    let settled = false;
    const rejected = held.catch((error: unknown) => {
      t.ok(error instanceof BusyError);
      settled = true;
    });
    // What is written here waits for the copies now, and may be turned away.
    while (!settled) {
      await new Promise((resolve) => setImmediate(resolve));
      commitment.disown();
    }
    await rejected;
    await chmod;
    t.notOk(store.busy);
    commitment.copies = null;
    await store.create(ROOT, directory, 'x', FILE);
    await store.close();
  },
);

t.test(
  'JointStore.decision: what was decided, and could not be written, is never told to be, also not when its slice has been another’s meanwhile',
  async (t) => {
    const disk = new SimulatedDisk();
    const { store } = await testStore({ disk });
    const root = store.root();
    const { joint } = store;
    await joint.hold(ID, ROOT, adding(root));
    disk.fail('sync', 1, 'EIO');
    await t.rejects(async () => joint.decide(ID, ROOT, adding(root), [9], null));
    t.equal(joint.decision(ID), 'pending');
    store.serve(() => false);
    store.serve(null);
    t.equal(joint.decision(ID), 'pending');
    t.same(joint.undelivered(), []);
    await store.close().catch(() => {});
    const after = await testStore({ disk: disk.powerCut(seededRandom(1)) });
    t.equal(after.store.joint.decision(ID), 'unknown');
    await after.store.close();
  },
);

t.test(
  'JointStore.resolve: an outcome that could not be written is not said to be known, however often it is brought',
  async (t) => {
    const disk = new SimulatedDisk();
    const { store } = await testStore({ disk });
    const { joint } = store;
    const directory = { key: keyOf('far' as Key, 'd'), generation: 7, mode: 0o755, uid: 0, gid: 0, share: 9 };
    await joint.prepare(ID, 3, ROOT, [{ kind: 'birth', key: FAR.key, salt: NO_BYTES, directory, birth: FILE }]);
    disk.fail('sync', 1, 'EIO');
    for (let times = 0; times < 3; times++) t.equal(await statusOf(() => joint.resolve(ID, true)), 'IO');
    await store.close().catch(() => {});
    const after = await testStore({ disk: disk.powerCut(seededRandom(1)) });
    t.same(after.store.joint.undecided(), [{ operation: ID, coordinator: 3 }], 'it is asked for again');
    await after.store.close();
  },
);
