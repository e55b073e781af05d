import t from 'tap';
import { type CpuProfile, costsOf } from './cpu-profile.ts';

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });
// root -> idle; root -> serve -> parse -> parse: the inner one is a call of itself.
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('serve', 'file:///anywhere/src/rpc/udp.ts', 9), children: [4] },
    { id: 4, callFrame: frame('parse', 'node:internal/x', 0), children: [5] },
    { id: 5, callFrame: frame('parse', 'node:internal/x', 0) },
  ],
  startTime: 1000,
  samples: [3, 2, 4, 5, 3],
  timeDeltas: [10, 10, 10, 10, 10],
};

t.test('self and total, function by function; waiting is no cost, recursion counts once', async (t) => {
  const { busy, functions } = costsOf(PROFILE, 0, 2000);
  t.equal(busy, 40);
  t.same(functions, [
    { name: 'serve src/rpc/udp.ts:10', self: 20, total: 40 },
    { name: 'parse node:internal/x:1', self: 20, total: 20 },
  ]);
});

t.test('only samples between the two moments count', async (t) => {
  t.same(
    costsOf(PROFILE, 1015, 1035).functions.map(({ name, self }) => [name, self]),
    [
      ['parse node:internal/x:1', 10],
      ['serve src/rpc/udp.ts:10', 0],
    ],
  );
});
