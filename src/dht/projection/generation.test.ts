import t from 'tap';
import { informed, mayMove } from './generation.ts';
import type { MemberId, Projection } from './types.ts';

const volcanos = ['keeper', 'one', 'two', 'three', 'newcomer'].map((id) => ({ id: id as MemberId }));
/** `one` to `three` hold what the map names in sync with `keeper`. */
const map = [
  { primary: 0, inSync: [1] },
  { primary: 1, inSync: [2] },
  { primary: 2, inSync: [3] },
];
const projection = { volcanos, map, arbiter: 'keeper' } as unknown as Projection;
const ids = (...names: string[]) => names as MemberId[];

t.test('Who has joined and knows no map yet is not asked to agree to a takeover, and counts for none', async (t) => {
  const standing = (epochs: Record<string, number>) =>
    new Map(Object.entries(epochs).map(([id, epoch]) => [id as MemberId, { epoch }]));
  t.same(informed(standing({ one: 7, two: 5, newcomer: 0 })), ids('one', 'two'));
  t.same(informed(standing({ newcomer: 0 })), []);
});

t.test('A register is moved by more than half of those that would know of newer maps', async (t) => {
  const moves = (to: string, ...agreeing: string[]) => mayMove(projection, ids(...agreeing), to as MemberId);
  t.notOk(moves('one', 'one'));
  t.notOk(moves('one', 'one', 'newcomer'), 'who holds nothing does not count');
  t.ok(moves('one', 'one', 'three'));
  t.ok(moves('keeper', 'keeper', 'one', 'two'), 'the old keeper needs so many that one of any half is among them');
  t.notOk(moves('keeper', 'keeper', 'one'));
});
