import fc from 'fast-check';
import t from 'tap';
import { conflicts, type OwnedRange, overlaps, withRange } from './ranges.ts';
import { LOCK_END, LockKind, type LockMode } from './types.ts';

/* What an owner has after fcntl(2): held against a map of bytes, and against what the manual says. */

const BYTES = 24;
const modes: readonly (LockMode | 'none')[] = ['shared', 'exclusive', 'none'];

/** A step; the last byte of all stands for the end of the file. */
const step = fc.record({
  start: fc.nat(BYTES - 1),
  length: fc.integer({ min: 1, max: BYTES }),
  mode: fc.constantFrom(...modes),
});

/** The real offset of a byte of the map: the last one is `LOCK_END`. */
function offset(byte: number): bigint {
  return byte >= BYTES - 1 ? LOCK_END : BigInt(byte);
}

function modeAt(ranges: readonly OwnedRange[], at: bigint): LockMode | 'none' {
  return ranges.find(({ start, last }) => start <= at && at <= last)?.mode ?? 'none';
}

t.test(
  'any sequence of locks and unlocks leaves what a map of bytes says, split and joined as far as can be',
  async (t) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const bytes: (LockMode | 'none')[] = new Array(BYTES).fill('none');
        let ranges: OwnedRange[] = [];
        for (const { start, length, mode } of steps) {
          const last = Math.min(start + length, BYTES) - 1;
          for (let at = start; at <= last; at++) bytes[at] = mode;
          // Between the last two bytes of the map lies most of the file: it goes with the last.
          const from = start === BYTES - 1 ? BigInt(BYTES - 1) : offset(start);
          ranges = withRange(ranges, { start: from, last: offset(last) }, mode);
        }
        for (const [at, mode] of bytes.entries()) t.equal(modeAt(ranges, offset(at)), mode);
        for (const [at, range] of ranges.entries()) {
          t.ok(range.start <= range.last);
          const next = ranges[at + 1];
          if (next === undefined) continue;
          t.ok(range.last < next.start, 'none overlap, all are in order');
          t.notOk(range.last + 1n === next.start && range.mode === next.mode, 'what can be one is one');
        }
      }),
    );
  },
);

t.test('the cases of the manual', async (t) => {
  const whole = withRange([], { start: 0n, last: LOCK_END }, 'exclusive');
  t.same(whole, [{ start: 0n, last: LOCK_END, mode: 'exclusive' }]);
  const split = withRange(whole, { start: 10n, last: 19n }, 'none');
  t.same(split, [
    { start: 0n, last: 9n, mode: 'exclusive' },
    { start: 20n, last: LOCK_END, mode: 'exclusive' },
  ]);
  const down = withRange(split, { start: 5n, last: 24n }, 'shared');
  t.same(down, [
    { start: 0n, last: 4n, mode: 'exclusive' },
    { start: 5n, last: 24n, mode: 'shared' },
    { start: 25n, last: LOCK_END, mode: 'exclusive' },
  ]);
  t.same(withRange(down, { start: 5n, last: 24n }, 'exclusive'), whole, 'and up again: one lock');
  t.same(withRange(down, { start: 0n, last: LOCK_END }, 'none'), []);
});

t.test('two owners: shared ranges go together, all others meet', async (t) => {
  const range = (start: bigint, last: bigint, mode: LockMode): OwnedRange => ({ start, last, mode });
  t.notOk(conflicts(LockKind.bytes, range(0n, 9n, 'shared'), range(5n, 9n, 'shared')));
  t.ok(conflicts(LockKind.bytes, range(0n, 9n, 'shared'), range(9n, 9n, 'exclusive')));
  t.ok(conflicts(LockKind.bytes, range(0n, 9n, 'exclusive'), range(9n, 20n, 'shared')));
  t.notOk(
    conflicts(LockKind.bytes, range(0n, 9n, 'exclusive'), range(10n, 20n, 'exclusive')),
    'the next byte is another one',
  );
  t.ok(overlaps(range(2n ** 62n, LOCK_END, 'shared'), range(LOCK_END, LOCK_END, 'shared')));
});
