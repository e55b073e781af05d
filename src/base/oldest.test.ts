import fc from 'fast-check';
import t from 'tap';
import { takeOldest } from './oldest.ts';

t.test(
  'It takes what a new iterator would give first, whatever else is added and removed, and however often it was empty',
  async () => {
    type Step = { readonly kind: 'set' | 'again' | 'delete' | 'take' | 'clear'; readonly key: number };
    const step = fc.record({
      kind: fc.constantFrom<Step['kind']>('set', 'set', 'set', 'again', 'delete', 'take', 'take', 'clear'),
      key: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const map = new Map<number, number>();
        for (const [at, { kind, key }] of steps.entries()) {
          if (kind === 'take') {
            const first = map.entries().next().value;
            const taken = takeOldest(map);
            if (taken?.[0] !== first?.[0] || taken?.[1] !== first?.[1]) return false;
            if (first !== undefined && map.has(first[0])) return false;
          } else if (kind === 'clear') {
            if (key === 0) map.clear();
          } else if (kind === 'delete') {
            map.delete(key);
          } else {
            if (kind === 'again') map.delete(key);
            map.set(key, at);
          }
        }
        return true;
      }),
      { numRuns: 500 },
    );
  },
);

t.test('Of a Set, too', async (t) => {
  const set = new Set(['a', 'b']);
  t.same(takeOldest(set), ['a', 'a']);
  set.add('c');
  t.same(takeOldest(set), ['b', 'b']);
  t.same(takeOldest(set), ['c', 'c']);
  t.equal(takeOldest(set), undefined);
  set.add('d');
  t.same(takeOldest(set), ['d', 'd']);
});
