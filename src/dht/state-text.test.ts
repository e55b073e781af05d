import t from 'tap';
import { keyText, ROOT_KEY } from '../flare/keys.ts';
import type { MoveNote } from './balance/moves.ts';
import { NO_KEYS } from './keys/standing.ts';
import type { Figures } from './programs/node/handlers.ts';
import { applyStep, nextStep } from './projection/plan.ts';
import { ownerOfKey } from './projection/queries.ts';
import { fill, withMember, withoutMirror } from './projection/steps.ts';
import type { Projection } from './projection/types.ts';
import { HEARD_SECONDS, keysOf, stateFiles } from './state-text.ts';
import { alone, member } from './testing/members.ts';

/* `/.dht/` (issue "The lava network"): one file a volcano, `ring` and `projection`, name = value, no secrets. */

const figures: Figures = {
  load: 120,
  capacityBytes: 1000,
  freeBytes: 600,
  availableBytes: 500,
  flares: 42,
  lagRecords: 3,
  uptimeSeconds: 61,
  syncMs: 900,
  damaged: 2,
  repaired: 1,
  protocol: 1,
  keys: NO_KEYS,
};

const known = { figures, heardSeconds: 3 };

function ring(...nicknames: string[]): Projection {
  let projection = alone({ member: { ...member(0), nickname: nicknames[0]!, serverName: 'magma.example' } });
  for (const [at, nickname] of nicknames.slice(1).entries()) {
    projection = withMember(projection, { ...member(at + 1), nickname }, at);
    for (let step = nextStep(projection); step !== null; step = nextStep(projection))
      projection = applyStep(projection, step);
  }
  return projection;
}

t.test('the files of a ring, to the letter', async (t) => {
  const two = withMember(
    ring('wallace', 'gromit'),
    { ...member(2), nickname: 'penguin', addresses: ['::1', '10.0.0.3'] },
    1,
  );
  const projection = fill(two, { first: 192, count: 64 }, 2);
  const files = stateFiles(projection, ({ nickname }) => (nickname === 'wallace' ? known : null));
  t.strictSame([...files.keys()], ['wallace', 'gromit', 'penguin', 'ring', 'projection']);
  t.strictSame(files.get('wallace')!.split('\n'), [
    'nickname = wallace',
    `id = ${member(0).id}`,
    'server name = magma.example',
    'address = 10.0.0.0',
    'flare port = 12000',
    'node port = 12001',
    'version = 0.1.0',
    'state = serving',
    'arbiter = yes',
    `epoch = ${projection.epoch}`,
    `start key = ${'0'.repeat(40)}`,
    `stop key = 7f${'f'.repeat(38)}`,
    'slices = 0-127',
    'single copy = -',
    'mirrors = 128-255',
    'mirrors filling = -',
    'heard = 3',
    'load = 120',
    'capacity = 1000',
    'free = 600',
    'available = 500',
    'flares = 42',
    'lag = 3',
    'uptime = 61',
    'sync = 900',
    'damaged = 2',
    'repaired = 1',
    '',
  ]);
  const penguin = files.get('penguin')!;
  for (const line of ['address = ::1 10.0.0.3', 'state = joining', 'arbiter = no', 'server name = -'])
    t.match(penguin, line);
  for (const line of [
    'start key = -',
    'slices = -',
    'mirrors = -',
    'mirrors filling = 192-255',
    'heard = never',
    'load = unknown',
  ])
    t.match(penguin, line);
  t.equal(
    files.get('ring'),
    [
      'network = etna',
      `network id = ${'ab'.repeat(16)}`,
      `epoch = ${projection.epoch}`,
      'replicas = 2',
      'copies = 2',
      'slices = 256',
      'slices with a single copy = 0',
      'arbiter = wallace',
      'volcanos = 3',
      'heard from = wallace',
      'not heard from = gromit penguin',
      `volcano 0 = wallace serving 128 ${'0'.repeat(40)} 7f${'f'.repeat(38)}`,
      `volcano 1 = gromit serving 128 80${'0'.repeat(38)} ${'f'.repeat(40)}`,
      'volcano 2 = penguin joining 0 -',
      '',
    ].join('\n'),
  );
  t.equal(
    files.get('projection'),
    [
      `epoch = ${projection.epoch}`,
      'slices 0-127 = wallace, in sync: gromit, filling: -',
      'slices 128-191 = gromit, in sync: wallace, filling: -',
      'slices 192-255 = gromit, in sync: wallace, filling: penguin',
      '',
    ].join('\n'),
  );
});

t.test('every line is name = value, and the same projection gives the same text', async (t) => {
  const projection = ring('a', 'b', 'c', 'd', 'e');
  const files = stateFiles(projection, () => known);
  for (const text of files.values()) t.match(text, /^([a-z0-9 -]+ = [\x20-\x7e]+\n)+$/);
  t.strictSame(
    stateFiles(structuredClone(projection), () => ({ ...known })),
    files,
  );
});

t.test('slices that lie on one volcano alone are told, of the volcano and of the ring', async (t) => {
  let projection = ring('a', 'b');
  projection = withoutMirror(projection, { first: 10, count: 20 }, 1);
  const files = stateFiles(projection, () => null);
  t.match(files.get('a'), /^single copy = 10-29$/m);
  t.match(files.get('b'), /^single copy = -$/m);
  t.match(files.get('ring'), /^slices with a single copy = 20$/m);
  t.match(stateFiles(ring('a'), () => null).get('ring'), /^slices with a single copy = 0$/m, 'alone it is to be so');
});

t.test(
  'who was not heard of for long is not there: after a restart of all one sees who is back (issue 6)',
  async (t) => {
    const seconds = new Map([
      ['a', 0],
      ['b', HEARD_SECONDS],
      ['c', HEARD_SECONDS + 1],
    ]);
    const files = stateFiles(ring('a', 'b', 'c', 'd'), ({ nickname }) => {
      const heardSeconds = seconds.get(nickname);
      return heardSeconds === undefined ? null : { figures, heardSeconds };
    });
    t.match(files.get('ring'), /^heard from = a b$/m);
    t.match(files.get('ring'), /^not heard from = c d$/m);
    t.match(files.get('c'), /^heard = 21$/m);
    t.match(files.get('d'), /^heard = never$/m);
  },
);

t.test('a key lies between the start and the stop key of its owner', async (t) => {
  const files = stateFiles(ring('a', 'b', 'c'), () => null);
  const owner = files.get(ownerOfKey(ring('a', 'b', 'c'), ROOT_KEY).nickname)!;
  const [start, stop] = ['start', 'stop'].map((name) => new RegExp(`^${name} key = (.*)$`, 'm').exec(owner)![1]!);
  t.ok(start! <= keyText(ROOT_KEY) && keyText(ROOT_KEY) <= stop!);
  const wraps = { first: 200, count: 100 };
  t.strictSame(keysOf({ slices: 256 }, wraps), { start: `c8${'0'.repeat(38)}`, stop: `2b${'f'.repeat(38)}` });
  t.strictSame(keysOf({ slices: 256 }, { first: 0, count: 256 }), { start: '0'.repeat(40), stop: 'f'.repeat(40) });
});

t.test('a volcano may be called as one of the other files', async (t) => {
  const files = stateFiles(ring('ring', 'projection', 'ring.volcano'), () => null);
  t.strictSame([...files.keys()], ['ring.volcano', 'projection.volcano', 'ring.volcano.volcano', 'ring', 'projection']);
});

t.test(
  'ring tells of the balance, where there is one: whether it is paused, and the last moves with their reasons',
  async (t) => {
    const without = stateFiles(alone(), () => null).get('ring')!;
    t.notMatch(without, /balance/);
    const move: MoveNote = {
      ...{ at: 1_795_312_800_000_000, from: 'gromit', to: 'penguin', first: 12, count: 2, why: 'work' },
      ...{ before: 0.61, after: 0.41, end: 'done' },
    };
    t.equal(
      stateFiles(alone(), () => null, { paused: true, moves: [move] }).get('ring'),
      `${without}balance = paused\nmove 0 = 2026-11-22 02:00:00 UTC: 2 slices from 12 on, gromit to penguin: gromit did 61% of the work, 41% without them; done\n`,
    );
    t.match(stateFiles(alone(), () => null, { paused: false, moves: [] }).get('ring'), /^balance = on$/m);
  },
);

t.test(
  'while the old key of the network is let in, ring and each volcano say until when, and who has it',
  async (t) => {
    const map = ring('wallace', 'gromit', 'penguin');
    const until = Date.parse('2026-12-24T00:00:00Z') / 1000;
    const has = { ...known, figures: { ...figures, keys: { plan: 2, old: { until, clients: 3 } } } };
    const files = stateFiles(map, ({ nickname }) => ({ wallace: has, gromit: known })[nickname] ?? null);
    const old = 'old key until = 2026-12-24T00:00:00Z\nclients with the old key = 3\n';
    const who = 'volcanos with the old key = gromit\nvolcanos of which that is not known = penguin\n';
    t.ok(files.get('ring')!.endsWith(old + who), 'ring');
    t.ok(files.get('wallace')!.endsWith(old), 'wallace');
    t.notMatch(files.get('gromit'), /old key/);
  },
);
