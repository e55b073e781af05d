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

t.test('Random histories: as a Map that drops its oldest', async (t) => {
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
      // Removed ones leave their turn empty, so that fewer than `max` may be kept: the model keeps turns, too.
      let turns: (ReplayRow | null)[] = [];
      const changed = new Set<ReplayRow>();
      const drop = (which: string): void => {
        turns = turns.map((row) => (row?.identity === which ? null : row));
      };
      for (const [n, { kind, identity }] of steps.entries()) {
        const row: ReplayRow = { identity, time: n, attributes: null, slice: n % 7, segment: n };
        if (kind === 'add') {
          drop(identity);
          turns.push(row);
          if (turns.length > max) turns.shift();
          answers.mark(answers.add(row, n));
          changed.add(row);
        } else if (kind === 'remove') {
          drop(identity);
          answers.remove(identity);
        } else if (kind === 'replace') {
          const place = answers.find(identity);
          if (place < 0) continue;
          answers.replace(place, row, n);
          answers.mark(place);
          turns = turns.map((old) => (old?.identity === identity ? row : old));
          changed.add(row);
        } else {
          const due = turns.filter((one): one is ReplayRow => one !== null && changed.has(one));
          const got = answers.takeChanged().map(takeReplay);
          if (JSON.stringify(got) !== JSON.stringify(due)) return false;
          changed.clear();
        }
        const kept = turns.filter((one) => one !== null);
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
