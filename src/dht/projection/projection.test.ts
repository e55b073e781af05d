import t from 'tap';
import { keyOf, ROOT_KEY, sliceOf } from '../../flare/keys.ts';
import { alone, member } from '../testing/members.ts';
import { decodeProjection, encodeProjection, PROJECTION_BYTES_MAX } from './codec.ts';
import { applyStep, nextStep } from './plan.ts';
import * as queries from './queries.ts';
import { withMember } from './steps.ts';
import { ADDRESSES_MAX, MEMBERS_MAX, MIRRORS_MAX, type Projection, SLICES_MAX } from './types.ts';
import { validate } from './validate.ts';

function ring(count: number, replicas = 2): Projection {
  let projection = alone({ replicas });
  for (let number = 1; number < count; number++) {
    projection = withMember(projection, member(number), number - 1);
    for (let step = nextStep(projection); step !== null; step = nextStep(projection)) {
      projection = applyStep(projection, step);
    }
  }
  return projection;
}

t.test('queries: owners, mirrors, runs, the ring, holders, hops', async (t) => {
  const three = ring(3);
  t.strictSame(queries.runs(three), [
    { member: 0, first: 0, count: 128 },
    { member: 1, first: 128, count: 64 },
    { member: 2, first: 192, count: 64 },
  ]);
  t.strictSame(queries.runOf(three, 1), { first: 128, count: 64 });
  t.equal(queries.ownerOfSlice(three, 200).nickname, 'v2');
  for (let at = 0; at < 100; at++) {
    const key = keyOf(ROOT_KEY, `name ${at}`);
    t.equal(
      queries.sliceOfKey(three, key),
      sliceOf(key),
      'with 256 slices it is the slice that records are numbered in',
    );
    t.equal(queries.ownerOfKey(three, key), queries.ownerOfSlice(three, sliceOf(key)));
  }
  t.equal(queries.sliceOfKey({ slices: 4096 }, '\xab\xcd' as never), 0xabc);
  t.match(queries.mirrorsOf(three, 200), { inSync: [{ nickname: 'v0' }], filling: [] });
  t.match(queries.mirroredBy(three, 0), { inSync: { length: 64 }, filling: [] });
  t.equal(queries.successor(three, 2), 0);
  t.strictSame(queries.followers(three, 1), [2]);
  t.strictSame(queries.followers(ring(3, 5), 1), [2, 0], 'with fewer volcanos there are fewer mirrors');
  t.equal(queries.hops(three, 0, [1, 2, 3]), 0);
  t.equal(queries.hops(three, 0, [1, 130, 140, 200]), 2);
  t.equal(queries.hops(three, 1, [1, 130, 140, 200]), 2);
  t.equal(queries.indexOf(three, member(2).id), 2);
  t.equal(queries.indexOf(three, 'nobody'), -1);
});

t.test('runs that go past slice 0 are one run', async (t) => {
  const two = ring(2);
  const turned: Projection = { ...two, map: two.map.map((_, slice) => two.map[(slice + 200) % 256]!) };
  validate(turned);
  t.strictSame(queries.runs(turned), [
    { member: 0, first: 56, count: 128 },
    { member: 1, first: 184, count: 128 },
  ]);
});

t.test('what is not sound is not decoded', async (t) => {
  const three = ring(3);
  const first = three.volcanos[0]!;
  const change = (news: Partial<Projection>) => ({ ...three, ...news });
  const one = (news: object) => change({ map: three.map.with(5, { ...three.map[5]!, ...news }) });
  const who = (news: object) => change({ volcanos: three.volcanos.with(0, { ...first, ...news }) });
  const cases: readonly (readonly [string, Projection, RegExp])[] = [
    ['epoch 0', change({ epoch: 0 }), /epoch/],
    ['no copies', change({ replicas: 0 }), /replicas/],
    ['protocol 0', change({ protocol: 0 }), /protocol/],
    ['a protocol too high', change({ protocol: 65_536 }), /protocol/],
    ['too many copies', change({ replicas: 9 }), /replicas/],
    ['a slice that nobody has', change({ map: three.map.slice(1) }), /slices are assigned/],
    [
      'slices that are no power of two',
      change({ slices: 300, map: [...three.map, ...three.map.slice(0, 44)] }),
      /300 slices/,
    ],
    ['a primary that is not there', one({ primary: 3 }), /primary/],
    ['a slice apart from its run', one({ primary: 2, inSync: [] }), /contiguous/],
    ['a mirror that is not there', one({ inSync: [3] }), /mirrors/],
    ['mirrors out of order', one({ inSync: [2, 1] }), /mirrors/],
    ['a volcano twice', one({ filling: [1] }), /twice/],
    ['the primary as its mirror', one({ inSync: [0] }), /twice/],
    ['a primary that joins', who({ state: 'joining' }), /primary/],
    ['no address', who({ addresses: [] }), /addresses/],
    ['a name for an address', who({ addresses: ['localhost'] }), /numeric/],
    ['port 0', who({ nodePort: 0 }), /port/],
    ['port 65536', who({ flarePort: 65_536 }), /port/],
    ['a nickname with a slash', who({ nickname: 'a/b' }), /nickname/],
    ['a nickname twice', who({ nickname: 'v1' }), /nickname v1/],
    ['a version with a control character', who({ version: '1\n' }), /version/],
    ['an arbiter who is not there', change({ arbiter: 'cc'.repeat(16) }), /arbiter/],
  ];
  for (const [name, projection, message] of cases) {
    t.throws(() => validate(projection), { name: 'ProjectionError', message }, name);
    t.throws(() => decodeProjection(encodeProjection(projection)), { name: 'ProjectionError' }, `${name}, decoded`);
  }
  const many = who({ addresses: Array.from({ length: ADDRESSES_MAX + 1 }, () => '::1') });
  t.throws(() => validate(many), /9 addresses/);
  t.throws(() => encodeProjection(many), { name: 'XdrError' });
  t.throws(() => encodeProjection(one({ filling: Array.from({ length: MIRRORS_MAX + 1 }, () => 1) })), {
    name: 'XdrError',
  });
  const bytes = encodeProjection(three);
  t.throws(() => decodeProjection(bytes.subarray(0, -4)), { name: 'XdrError' });
  t.throws(() => decodeProjection(Buffer.alloc(PROJECTION_BYTES_MAX + 1)), { name: 'ProjectionError' });
  t.throws(() => decodeProjection(Buffer.concat([Buffer.of(0, 0, 0, 9), bytes.subarray(4)])), /format 9/);
});

t.test('the largest projection fits its bound', async (t) => {
  const ip6 = '2001:0db8:1111:2222:3333:4444:5555:6666';
  const volcanos = Array.from({ length: MEMBERS_MAX }, (_, number) => ({
    ...member(number),
    nickname: `${number}`.padStart(64, 'n'),
    serverName: 's'.repeat(255),
    version: 'v'.repeat(64),
    addresses: Array.from({ length: ADDRESSES_MAX }, () => ip6),
    state: 'serving' as const,
  }));
  const map = Array.from({ length: SLICES_MAX }, (_, slice) => ({
    primary: 0,
    inSync: Array.from({ length: MIRRORS_MAX }, (_, at) => 1 + at + (slice % 2)),
    filling: [],
  }));
  const projection: Projection = { ...alone(), slices: SLICES_MAX, volcanos, map };
  const bytes = encodeProjection(projection);
  t.ok(bytes.length <= PROJECTION_BYTES_MAX, `${bytes.length} bytes`);
  t.strictSame(decodeProjection(bytes), projection);
});
