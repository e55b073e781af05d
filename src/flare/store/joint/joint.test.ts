import t, { type Test } from 'tap';
import { isPending } from '../../../base/eventually.ts';
import type { SimulatedDisk } from '../../../base/simulated-disk.ts';
import { BusyError, type DirectoryView, ElsewhereError, type Step, type StepAnswer } from '../../joint.ts';
import { keyOf, sliceOf } from '../../keys.ts';
import { NO_BYTES } from '../../record/pack.ts';
import type { Attributes, FlareId, Key } from '../../types.ts';
import { ALICE, checkRebuilt, DIRECTORY, FILE, ROOT, statusOf, type TestStore, testStore } from '../testing/harness.ts';

let operations = 0;
function operation(): Buffer {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(++operations, 12);
  return id;
}

/** A directory that lies at another owner. */
const FAR: DirectoryView = { key: keyOf('far' as Key, 'd'), generation: 7, mode: 0o755, uid: 0, gid: 0, share: 9 };

function birth(name: string): Extract<Step, { kind: 'birth' }> {
  return { kind: 'birth', key: keyOf(FAR.key, name), salt: NO_BYTES, directory: FAR, birth: FILE };
}

function attributesOf(answer: StepAnswer | undefined): Attributes {
  if (answer?.kind !== 'done' || answer.attributes === null) throw new Error('the step gave no flare');
  return answer.attributes;
}

async function refusedAsBusy(t: Test, work: () => unknown, message: string): Promise<void> {
  try {
    await work();
    t.fail(message);
  } catch (error) {
    t.ok(error instanceof BusyError, message);
  }
}

/** Whether a promise has not settled after all that can happen now has happened. */
async function waits(promise: unknown): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  Promise.resolve(promise).then(settle, settle);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return !settled;
}

/** The store after its process has died: what was on stable storage is there. */
async function again(before: TestStore): Promise<TestStore> {
  await before.store.close();
  return testStore({ disk: before.disk as never, clock: before.clock });
}

t.test(
  'JointStore.prepare: a newborn is seen by nobody until it is committed, by all afterwards, after a restart too',
  async (t) => {
    let opened = await testStore();
    const id = operation();
    const born = attributesOf((await opened.store.joint.prepare(id, 3, ALICE, [birth('f')]))[0]);
    t.match(born, { uid: ALICE.uid, share: 9, nlink: 1, parent: { key: FAR.key, generation: 7 } });
    t.ok(await waits(opened.store.getattr(born)), 'it may have been committed, so whoever asks must wait');
    opened = await again(opened);
    t.same(opened.store.joint.undecided(), [{ operation: id, coordinator: 3 }], 'the log remembers');
    const asked = opened.store.getattr(born);
    t.ok(await waits(asked), 'after a restart, too');
    await opened.store.joint.resolve(id, true);
    t.same(await asked, born, 'who waited sees it');
    t.same(opened.store.joint.undecided(), []);
    await opened.store.joint.resolve(id, false);
    t.same(await opened.store.getattr(born), born, 'an outcome that comes late changes nothing');
    opened = await again(opened);
    t.same(await opened.store.getattr(born), born);
    await opened.store.close();
    await checkRebuilt(t, opened.disk);
  },
);

t.test('JointStore.resolve: what is not committed leaves nothing, and its fileid is not given again', async (t) => {
  const { store, disk } = await testStore();
  const id = operation();
  const born = attributesOf((await store.joint.prepare(id, 3, ROOT, [birth('f')]))[0]);
  await store.joint.resolve(id, false);
  t.equal(await statusOf(() => store.getattr(born)), 'STALE');
  const second = attributesOf((await store.joint.prepare(operation(), 3, ROOT, [birth('f')]))[0]);
  t.not(second.generation, born.generation, 'another generation: a handle of the first never names the second');
  t.not(second.fileid, born.fileid);
  await store.close();
  await checkRebuilt(t, disk);
});

t.test('JointStore.prepare: asked again it answers the same; an operation that is over is refused', async (t) => {
  const { store } = await testStore();
  const id = operation();
  const first = store.joint.prepare(id, 3, ROOT, [birth('f')]);
  const second = store.joint.prepare(id, 3, ROOT, [birth('f')]);
  t.ok(isPending(second), 'also the second answer waits for stable storage');
  t.same(await second, await first);
  await store.joint.resolve(id, true);
  await refusedAsBusy(t, () => store.joint.prepare(id, 3, ROOT, [birth('f')]), 'a PREPARE that comes late');
  const never = operation();
  await store.joint.resolve(never, false);
  await refusedAsBusy(t, () => store.joint.prepare(never, 3, ROOT, [birth('g')]), 'a PREPARE that its abort overtook');
  await store.close();
});

t.test('JointStore.prepare: a key that a flare has is taken', async (t) => {
  const { store } = await testStore();
  const born = await store.create(ROOT, store.root(), 'f', FILE);
  const step: Step = { ...birth('f'), key: born.key };
  t.same(await store.joint.prepare(operation(), 3, ROOT, [step]), [{ kind: 'taken' }]);
  t.same(store.joint.undecided(), [], 'nothing is prepared');
  await store.close();
});

t.test('JointStore.prepare: what is prepared is held against all others', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const file = await store.create(ROOT, root, 'f', FILE);
  await store.link(ROOT, file, root, 'g');
  const directory = viewOf(await store.getattr(root));
  const id = operation();
  await store.joint.prepare(id, 3, ROOT, [{ kind: 'unname', flare: file, directory }]);
  const read = store.read(ROOT, file, 0, 10);
  const written = store.write(ROOT, file, 0, Buffer.from('x'));
  t.ok(await waits(read), 'a read waits');
  t.ok(await waits(written), 'a write waits');
  const other: Step = { kind: 'name', flare: file, directory: FAR };
  await refusedAsBusy(t, () => store.joint.prepare(operation(), 4, ROOT, [other]), 'another operation does not wait');
  await store.joint.resolve(id, true);
  t.match(await written, { nlink: 1, size: 1 });
  t.match((await read).attributes, { nlink: 1 });
  await store.close();
});

function viewOf({ key, generation, mode, uid, gid, share }: Attributes): DirectoryView {
  return { key, generation, mode, uid, gid, share };
}

t.test('JointStore.prepare: a name in a directory of ours, for a coordinator elsewhere', async (t) => {
  const { store, disk } = await testStore();
  const root = store.root();
  const target = { key: keyOf(FAR.key, 'moved'), generation: 9, fileid: 77, type: FILE.type };
  const id = operation();
  await store.joint.prepare(id, 3, ROOT, [{ kind: 'addName', directory: root, name: 'n', target, replaces: null }]);
  t.ok(await waits(store.readdir(ROOT, root, 0, 10)), 'the directory may have changed already');
  await store.joint.resolve(id, true);
  const { entries } = await store.readdir(ROOT, root, 0, 10);
  t.match(entries, [{ name: 'n', fileid: 77, cookie: 3 }]);
  const drop: Step = { kind: 'dropName', directory: root, name: 'n', target };
  await refusedAsBusy(
    t,
    () => store.joint.prepare(operation(), 3, ROOT, [{ ...drop, target: { ...target, generation: 10 } }]),
    'the name means another flare than the coordinator saw',
  );
  t.equal(await statusOf(() => store.joint.prepare(operation(), 3, ALICE, [drop])), 'OK', 'mode 777');
  await store.close();
  await checkRebuilt(t, disk);
});

t.test('JointStore.prepare: refusals are those of FlareService', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const directory = await store.create(ROOT, root, 'd', { ...DIRECTORY, mode: 0o755 });
  const file = await store.create(ROOT, directory, 'f', FILE);
  const view = viewOf(directory);
  const sticky = { ...view, mode: 0o1777 };
  const target = { ...file };
  const cases: [string, Step, typeof ALICE][] = [
    ['ACCES', { kind: 'addName', directory, name: 'x', target, replaces: null }, ALICE],
    ['NAMETOOLONG', { kind: 'addName', directory, name: 'x'.repeat(256), target, replaces: null }, ROOT],
    ['NOTDIR', { kind: 'addName', directory: file, name: 'x', target, replaces: null }, ROOT],
    ['STALE', { kind: 'addName', directory: { ...view, generation: 1e6 }, name: 'x', target, replaces: null }, ROOT],
    ['STALE', { kind: 'name', flare: { ...file, generation: 1e6 }, directory: view }, ROOT],
    ['ISDIR', { kind: 'unname', flare: directory, directory: view }, ROOT],
    ['PERM', { kind: 'unname', flare: file, directory: sticky }, ALICE],
    ['PERM', { kind: 'move', flare: file, from: sticky, to: FAR }, ALICE],
    ['NOTDIR', { kind: 'end', flare: file, directory: view }, ROOT],
    ['NOTEMPTY', { kind: 'end', flare: directory, directory: view }, ROOT],
    ['PERM', { kind: 'name', flare: directory, directory: view }, ROOT],
    ['INVAL', { ...birth('b'), birth: { type: 5, mode: 0o777 } }, ROOT],
  ];
  for (const [status, step, caller] of cases) {
    t.equal(
      await statusOf(() => store.joint.prepare(operation(), 3, caller, [step])),
      status,
      `${step.kind} ${status}`,
    );
  }
  t.same(store.joint.undecided(), []);
  await store.close();
});

t.test(
  'JointStore.end: a directory that is closing takes no entry, and one that gets an entry does not end',
  async (t) => {
    const { store } = await testStore();
    const root = store.root();
    const directory = await store.create(ROOT, root, 'd', DIRECTORY);
    const view = viewOf(await store.getattr(root));
    const closing = operation();
    await store.joint.prepare(closing, 3, ROOT, [{ kind: 'end', flare: directory, directory: view }]);
    const created = statusOf(() => store.create(ROOT, directory, 'f', FILE));
    t.ok(await waits(created), 'it waits for the outcome');
    await store.joint.resolve(closing, false);
    t.equal(await created, 'OK');
    await store.remove(ROOT, directory, 'f');

    const adding = operation();
    const far = { key: keyOf(FAR.key, 'x'), generation: 2, fileid: 5, type: FILE.type };
    await store.joint.hold(adding, ROOT, [{ kind: 'addName', directory, name: 'x', target: far, replaces: null }]);
    const end: Step = { kind: 'end', flare: directory, directory: view };
    await refusedAsBusy(t, () => store.joint.prepare(operation(), 3, ROOT, [end]), 'it is about to get an entry');
    const chmod = statusOf(() => store.setattr(ROOT, directory, { mode: 0o700 }));
    const rmdir = statusOf(() => store.rmdir(ROOT, root, 'd'));
    t.ok(await waits(rmdir), 'RMDIR waits');
    t.ok(await waits(chmod), 'who may write there does not change meanwhile');
    t.equal(await statusOf(() => store.create(ROOT, directory, 'other', FILE)), 'OK', 'other names come and go');
    await store.remove(ROOT, directory, 'other');
    store.joint.release(adding);
    t.equal(await chmod, 'OK');
    t.equal(await rmdir, 'OK');
    await store.close();
  },
);

t.test('JointStore.decide: one append does the coordinator’s part, decides, and remembers the answer', async (t) => {
  let opened = await testStore();
  let { store } = opened;
  const root = store.root();
  const id = operation();
  const far = { key: keyOf(FAR.key, 'x'), generation: 2, fileid: 5, type: FILE.type };
  const steps: Step[] = [{ kind: 'addName', directory: root, name: 'x', target: far, replaces: null }];
  const caller = { ...ROOT, replay: 'call' };
  await store.joint.hold(id, caller, steps);
  t.equal(store.joint.decision(id), 'pending');
  t.same((await store.readdir(ROOT, root, 0, 10)).entries, [], 'what is, is seen until the decision');
  const second = statusOf(() => store.create(ROOT, root, 'x', FILE));
  t.ok(await waits(second), 'but not changed');
  const answer = { ...(await store.getattr(root)), ...far, size: 42 };
  await store.joint.decide(id, caller, steps, [9, 200], answer);
  t.equal(store.joint.decision(id), 'committed');
  t.match((await store.readdir(ROOT, root, 0, 10)).entries, [{ name: 'x', fileid: far.fileid }]);
  opened = await again(opened);
  ({ store } = opened);
  t.equal(store.joint.decision(id), 'committed', 'after a restart, too');
  t.same(store.joint.undelivered(), [{ operation: id, participants: [9, 200] }]);
  t.same(await store.recall('call'), answer, 'a retransmission gets the first answer');
  store.joint.delivered([id]);
  t.same(store.joint.undelivered(), []);
  await store.checkpoint();
  opened = await again(opened);
  t.same(opened.store.joint.undelivered(), []);
  t.equal(opened.store.joint.decision(operation()), 'unknown', 'what was never decided here never will be');
  await opened.store.close();
  await checkRebuilt(t, opened.disk);
});

t.test(
  'JointStore.prepare: a flare that a name was seen to mean, and that is gone, is to be looked for again',
  async (t) => {
    const { store } = await testStore();
    const gone = { ...(await store.create(ROOT, store.root(), 'f', FILE)), generation: 1e6 };
    const steps: readonly Step[] = [
      { kind: 'unname', flare: gone, directory: FAR },
      { kind: 'end', flare: gone, directory: FAR },
      { kind: 'move', flare: gone, from: FAR, to: FAR },
    ];
    for (const step of steps) {
      await refusedAsBusy(t, () => store.joint.prepare(operation(), 3, ROOT, [step]), `${step.kind}: nobody named it`);
    }
    await store.close();
  },
);

t.test('JointStore: who coordinates and takes part holds as both, and each part until its own end', async (t) => {
  const { store } = await testStore();
  const { joint } = store;
  const id = operation();
  const born = attributesOf((await joint.prepare(id, 3, ROOT, [birth('f')]))[0]);
  const addName: Step = { kind: 'addName', directory: store.root(), name: 'f', target: born, replaces: null };
  await joint.hold(id, ROOT, [addName]);
  await joint.decide(id, ROOT, [addName], [sliceOf(born.key)], born);
  const asked = store.getattr(born);
  t.ok(await waits(asked), 'the newborn waits for its outcome');
  await joint.resolve(id, true);
  t.same(await asked, born);
  joint.delivered([id]);
  t.equal(store.busy, false, 'nothing is held');
  t.same(await store.lookup(ROOT, store.root(), 'f'), born);
  await store.close();
});

t.test('JointStore.delivered: where there is no room to say so, it stays undelivered until there is', async (t) => {
  const { store, disk } = await testStore();
  const { joint } = store;
  const root = store.root();
  const id = operation();
  const far = { key: keyOf(FAR.key, 'x'), generation: 2, fileid: 5, type: FILE.type };
  const steps: Step[] = [{ kind: 'addName', directory: root, name: 'x', target: far, replaces: null }];
  await joint.hold(id, ROOT, steps);
  await joint.decide(id, ROOT, steps, [9], null);
  const full = disk as SimulatedDisk;
  const { total, free } = full.space();
  full.limit(total - free);
  store.statfs();
  t.equal(await statusOf(async () => joint.delivered([id])), 'NOSPC');
  t.equal(joint.undelivered().length, 1, 'it is told of again');
  full.limit(Number.POSITIVE_INFINITY);
  store.statfs();
  joint.delivered([id]);
  t.same(joint.undelivered(), []);
  await store.close();
});

t.test('JointStore.undelivered: a decision is told to nobody before it is on stable storage', async (t) => {
  const { store } = await testStore();
  const { joint } = store;
  const id = operation();
  const target = { ...(await store.create(ROOT, store.root(), 'a', FILE)) };
  const addName: Step = { kind: 'addName', directory: store.root(), name: 'b', target, replaces: null };
  await joint.hold(id, ROOT, [addName]);
  const deciding = joint.decide(id, ROOT, [addName], [7], null);
  t.same(joint.undelivered(), [], 'a crash would take it back');
  await deciding;
  t.same(joint.undelivered(), [{ operation: id, participants: [7] }]);
  joint.delivered([id]);
  await store.close();
});

t.test('JointStore.remember: what is not written down is answered again, and what is written down stays', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const refused = { ...ROOT, replay: 'refused' };
  store.joint.remember(refused, 'EXIST');
  t.equal(await statusOf(() => store.create(refused, root, 'x', FILE)), 'EXIST', 'though the name is free by now');
  const idle = { ...ROOT, replay: 'idle' };
  store.joint.remember(idle, null);
  await store.remove(idle, root, 'y');
  const done = { ...ROOT, replay: 'done' };
  const born = await store.create(done, root, 'z', FILE);
  store.joint.remember(done, 'EXIST');
  t.same(await store.create(done, root, 'z', FILE), born);
  await store.close();
});

t.test('LocalStore.serve: what needs a slice of another volcano is refused, not answered', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const file: FlareId = await store.create(ROOT, root, 'f', FILE);
  store.serve((slice) => slice !== sliceOf(file.key));
  const elsewhere = async (work: () => unknown, message: string): Promise<void> => {
    try {
      await work();
      t.fail(message);
    } catch (error) {
      t.ok(error instanceof ElsewhereError, message);
    }
  };
  await elsewhere(() => store.getattr(file), 'GETATTR');
  await elsewhere(() => store.lookup(ROOT, root, 'f'), 'LOOKUP of a name here, of a flare there');
  await elsewhere(() => store.write(ROOT, file, 0, Buffer.from('x')), 'WRITE');
  await elsewhere(() => store.remove(ROOT, root, 'f'), 'REMOVE');
  t.equal(await statusOf(() => store.lookup(ROOT, root, 'g')), 'NOENT');
  store.serve(null);
  t.equal(await statusOf(() => store.remove(ROOT, root, 'f')), 'OK');
  await store.close();
});

t.test('serve: what is prepared and decided in slices that are not served is known to their owner alone', async (t) => {
  const opened = await testStore();
  const { joint } = opened.store;
  const [prepared, decided] = [operation(), operation()];
  const root = opened.store.root();
  await joint.prepare(prepared, 3, ALICE, [birth('f')]);
  const target = { ...FAR, key: keyOf(FAR.key, 'x'), fileid: 700, type: 1 as const };
  const steps: Step[] = [{ kind: 'addName', directory: root, name: 'x', target, replaces: null }];
  await joint.hold(decided, ROOT, steps);
  await joint.decide(decided, ROOT, steps, [9], null);
  const born = birth('f').key;
  const known = (): string[] =>
    [...joint.undecided(), ...joint.undelivered()].map((one) => one.operation.toString('hex'));
  const texts = [prepared, decided].map((id) => id.toString('hex'));
  t.same(known(), texts);
  opened.store.serve((slice) => slice !== sliceOf(born));
  t.same(known(), [texts[1]], 'another owner waits for the outcome');
  t.throws(() => opened.store.find(born), { message: /not served/ });
  opened.store.serve((slice) => slice !== sliceOf(root.key));
  t.same(known(), [texts[0]], 'another owner delivers');
  t.ok(await waits(opened.store.find(born)), 'it is held again');
  opened.store.serve(null);
  opened.store.serve(null);
  t.same(known(), texts);
  t.equal(joint.decision(decided), 'committed');
  await joint.resolve(prepared, true);
  joint.delivered([decided]);
  opened.store.serve(null);
  t.same(known(), [], 'what is over stays so, also before that is durable');
  t.equal((await opened.store.find(born)).nlink, 1);
  const again = operation();
  await joint.prepare(again, 3, ALICE, [birth('g')]);
  const resolved = joint.resolve(again, false);
  opened.store.serve(null);
  t.same(known(), []);
  await resolved;
  await opened.store.close();
});
