import fc from 'fast-check';
import t from 'tap';
import { chooseSeed } from '../../base/testing/seed.ts';
import { REPLAY_BYTES_MAX, type ReplayRow, takeReplay } from '../index/values.ts';
import { ROOT_KEY } from '../keys.ts';
import { REPLAY_IDENTITY_MAX } from '../record/limits.ts';
import type { Attributes } from '../types.ts';
import { Answers } from './answers.ts';

const MOST = 2 ** 53 - 1;
const LARGEST: Attributes = {
  key: ROOT_KEY,
  generation: MOST,
  type: 2,
  mode: 0o7777,
  nlink: 2 ** 32 - 1,
  uid: 2 ** 32 - 1,
  gid: 2 ** 32 - 1,
  size: MOST,
  used: MOST,
  major: 2 ** 32 - 1,
  minor: 2 ** 32 - 1,
  fileid: 2 ** 32 - 1,
  atime: { seconds: MOST, nanoseconds: 999_999_999 },
  mtime: { seconds: MOST, nanoseconds: 999_999_999 },
  ctime: { seconds: MOST, nanoseconds: 999_999_999 },
  version: MOST,
  parent: { key: ROOT_KEY, generation: MOST },
  share: 2 ** 16 - 1,
};

t.test('The longest answer fits its place, and is what it was', async (t) => {
  const answers = new Answers(600);
  const row = (at: number): ReplayRow => ({
    identity: String.fromCharCode(at & 0xff, at >> 8).padEnd(REPLAY_IDENTITY_MAX, '\xff'),
    time: MOST,
    attributes: { ...LARGEST, fileid: at },
    slice: 65_535,
    segment: 2 ** 32 - 1,
  });
  for (let at = 0; at < 600; at++) answers.add(row(at), MOST);
  for (let at = 0; at < 600; at++) t.same(answers.at(answers.find(row(at).identity)), { ...row(at), lsn: MOST });
  t.ok(answers.row(599).length <= REPLAY_BYTES_MAX);
  const none: ReplayRow = { ...row(1), identity: '', attributes: null };
  t.same(answers.at(answers.add(none, 5)), { ...none, lsn: 5 });
  t.equal(answers.find(row(0).identity), -1, 'the oldest has made room');
});

t.test('Random histories: as places in a ring, of which none is taken that is still good before all are', async (t) => {
  const identity = fc.nat(40).map((n) => `call ${n}`);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), identity }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), identity }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), identity }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), identity }) },
  );
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  const property = fc.property(
    fc.array(step, { maxLength: 200, size: 'max' }),
    fc.integer({ min: 1, max: 12 }),
    (steps, max) => {
      const answers = new Answers(max);
      const ring: (ReplayRow | null)[] = Array(max).fill(null);
      let next = 0;
      const changed = new Set<ReplayRow>();
      const replace = (which: string, by: ReplayRow | null): void => {
        const at = ring.findIndex((row) => row?.identity === which);
        if (at >= 0) ring[at] = by;
      };
      const inTurn = (): ReplayRow[] => [...ring.slice(next), ...ring.slice(0, next)].filter((one) => one !== null);
      for (const [n, { kind, identity }] of steps.entries()) {
        const row: ReplayRow = { identity, time: n, attributes: null, slice: n % 7, segment: n };
        if (kind === 'add') {
          replace(identity, null);
          if (ring.includes(null)) while (ring[next] !== null) next = (next + 1) % max;
          ring[next] = row;
          next = (next + 1) % max;
          answers.mark(answers.add(row, n));
          changed.add(row);
        } else if (kind === 'remove') {
          replace(identity, null);
          answers.remove(identity);
        } else if (kind === 'replace') {
          const place = answers.find(identity);
          if (place < 0) continue;
          answers.replace(place, row, n);
          answers.mark(place);
          replace(identity, row);
          changed.add(row);
        } else {
          const due = inTurn().filter((one) => changed.has(one));
          const got = answers.takeChanged().map(takeReplay);
          if (JSON.stringify(got) !== JSON.stringify(due)) return false;
          changed.clear();
        }
        const kept = inTurn();
        if (answers.count !== kept.length) return false;
        if (answers.changed !== kept.filter((one) => changed.has(one)).length) return false;
        const listed = [...answers.places()].map((place) => takeReplay(answers.row(place)));
        if (JSON.stringify(listed) !== JSON.stringify(kept)) return false;
        for (let at = 0; at <= 40; at++) {
          const wanted = kept.find((one) => one.identity === `call ${at}`);
          const place = answers.find(`call ${at}`);
          if (wanted === undefined ? place >= 0 : answers.timeOf(place) !== wanted.time) return false;
        }
      }
      return true;
    },
  );
  fc.assert(property, { seed, numRuns: 200 });
});

t.test(
  'Slices that are filled again and again, and wiped in between, take no place of what others were answered',
  async (t) => {
    const answers = new Answers(6400);
    const row = (identity: string): ReplayRow => ({ identity, time: 1, attributes: null, slice: 1, segment: 1 });
    for (let at = 0; at < 100; at++) answers.add(row(`other ${at}`), 1);
    for (let fill = 0; fill < 10; fill++) {
      for (let at = 0; at < 5000; at++) answers.add(row(`filled ${at}`), 1);
      for (let at = 0; at < 5000; at++) answers.remove(`filled ${at}`);
    }
    t.equal(answers.count, 100);
    for (let at = 0; at < 100; at++) t.ok(answers.find(`other ${at}`) >= 0, `other ${at}`);
  },
);
