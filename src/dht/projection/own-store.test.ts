import t from 'tap';
import type { NoteStore } from '../../flare/service.ts';
import { testStore } from '../../flare/store/testing/harness.ts';
import { MemoryNotes } from '../../flare/testing/memory-notes.ts';
import { alone, member } from '../testing/members.ts';
import { OwnProjectionStore, PROJECTION_NOTES, PROJECTIONS_KEPT } from './own-store.ts';
import { fill, withMember, withoutMirror } from './steps.ts';
import type { Projection } from './types.ts';

/** Notes that stop working before the note of that number is set, as if the power were cut there. */
function cutBefore(notes: NoteStore, count: number): NoteStore {
  let left = count;
  return {
    note: (name) => notes.note(name),
    notes: (prefix) => notes.notes(prefix),
    async setNote(name, value) {
      if (left === 0) throw new Error('the power is cut');
      left -= 1;
      await notes.setNote(name, value);
    },
  };
}

/** A network of so many volcanos, all but the first joining: large, and still one step from its neighbours. */
function large(volcanos: number): Projection {
  let projection = alone();
  for (let number = 1; number < volcanos; number++) {
    projection = withMember(projection, { ...member(number), serverName: 's'.repeat(255) }, number - 1);
  }
  return projection;
}

t.test(
  'write-once: of many writers of an epoch one alone is answered "written", and that is what there is',
  async (t) => {
    const store = OwnProjectionStore.open(new MemoryNotes());
    t.equal(await store.newest(), null);
    t.equal(await store.write(alone()), 'written');
    t.equal(await store.write(alone({ networkName: 'other' })), 'taken');
    const rivals = [1, 2, 3, 4].map((number) => withMember(alone(), member(number), 0));
    const answers = await Promise.all(rivals.map((rival) => store.write(rival)));
    t.strictSame([...answers].sort(), ['taken', 'taken', 'taken', 'written']);
    t.strictSame(await store.newest(), rivals[answers.indexOf('written')]);
    t.equal(await store.write(rivals[3]!), 'taken', 'an epoch that was written stays as it is');
    const later = withMember(withMember(rivals[0]!, member(7), 0), member(8), 0);
    t.equal(await store.write(later), 'taken', 'an epoch cannot be left out');
  },
);

t.test('what is newest while it is being written waits for it', async (t) => {
  const store = OwnProjectionStore.open(new MemoryNotes());
  const writing = store.write(alone());
  t.match(await store.newest(), { epoch: 1 });
  t.equal(await writing, 'written');
});

t.test('what is not legal is refused and changes nothing', async (t) => {
  const store = OwnProjectionStore.open(new MemoryNotes());
  const first = alone();
  await store.write(first);
  await t.rejects(store.write({ ...withMember(first, member(1), 0), replicas: 0 }), { name: 'ProjectionError' });
  await t.rejects(store.write({ ...first, epoch: 2, replicas: 3 }), { name: 'ProjectionError' });
  t.strictSame(await store.newest(), first);
});

t.test('it survives a restart, on the real store too; the newest few are kept', async (t) => {
  const { store: notes, disk } = await testStore();
  const store = OwnProjectionStore.open(notes);
  let projection = withMember(alone(), member(1), 0);
  await store.write(alone());
  await store.write(projection);
  const range = { first: 128, count: 128 };
  for (let at = 0; at < 6; at++) {
    projection = at % 2 === 0 ? fill(projection, range, 1) : withoutMirror(projection, range, 1);
    t.equal(await store.write(projection), 'written');
  }
  await notes.close();
  const { store: again } = await testStore({ disk });
  const reopened = OwnProjectionStore.open(again);
  t.strictSame(await reopened.newest(), projection);
  t.equal(again.notes(PROJECTION_NOTES).size, PROJECTIONS_KEPT);
  t.equal(await reopened.write(projection), 'taken');
  await again.close();
});

t.test('a projection of many notes is there whole or not at all, wherever the power is cut', async (t) => {
  const whole = large(400);
  const before = large(399);
  const plain = new MemoryNotes();
  await OwnProjectionStore.open(plain).write(whole);
  const parts = plain.notes(PROJECTION_NOTES).size;
  t.ok(parts > 1, `${parts} notes`);
  for (let cut = 0; cut <= parts; cut++) {
    const notes = new MemoryNotes();
    await OwnProjectionStore.open(notes).write(before);
    const store = OwnProjectionStore.open(cutBefore(notes, cut));
    const write = store.write(whole);
    if (cut < parts) {
      await t.rejects(write, /power is cut/);
      t.equal((await store.newest())?.epoch, before.epoch, 'what failed is not shown');
    } else t.equal(await write, 'written');
    const reopened = OwnProjectionStore.open(notes);
    t.strictSame(await reopened.newest(), cut < parts ? before : whole, `cut before note ${cut}`);
    t.equal(await reopened.write(whole), cut < parts ? 'written' : 'taken');
    t.strictSame(await OwnProjectionStore.open(notes).newest(), whole);
  }
});

t.test('notes that cannot be removed do not hold up a new projection', async (t) => {
  const notes = new MemoryNotes();
  const keeps: NoteStore = {
    note: (name) => notes.note(name),
    notes: (prefix) => notes.notes(prefix),
    setNote: (name, value) => (value === null ? Promise.reject(new Error('no')) : notes.setNote(name, value)),
  };
  const store = OwnProjectionStore.open(keeps);
  let projection = alone();
  await store.write(projection);
  for (let number = 1; number < 8; number++) {
    projection = withMember(projection, member(number), 0);
    t.equal(await store.write(projection), 'written');
  }
});

t.test('damage is told and not taken for an older map', async (t) => {
  const notes = new MemoryNotes();
  const store = OwnProjectionStore.open(notes);
  await store.write(alone());
  await store.write(withMember(alone(), member(1), 0));
  const [, [name, value]] = [...notes.notes(PROJECTION_NOTES)] as [unknown, [string, Buffer]];
  const damaged = Buffer.from(value);
  damaged[damaged.length - 8]! ^= 1;
  await notes.setNote(name, damaged);
  t.throws(() => OwnProjectionStore.open(notes), /damaged in the data directory/);
});

t.test('who watches is told of every projection that is written, until he stops', async (t) => {
  const store = OwnProjectionStore.open(new MemoryNotes());
  const seen: number[] = [];
  const stop = store.watch(({ epoch }) => seen.push(epoch));
  await store.write(alone());
  const two = withMember(alone(), member(1), 0);
  await store.write(two);
  stop();
  await store.write(withMember(two, member(2), 0));
  t.strictSame(seen, [1, 2]);
});
