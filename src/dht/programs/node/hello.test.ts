import t from 'tap';
import { withMember } from '../../projection/steps.ts';
import { alone, member, NETWORK_ID } from '../../testing/members.ts';
import { CLOCK_SKEW_MAX_MS, checkHello, type Hello, NODE_PROTOCOL } from './hello.ts';

const NOW = 1_600_000_000_000_000;
const wallace: Hello = {
  protocol: NODE_PROTOCOL,
  version: '0.1.0',
  networkId: NETWORK_ID,
  id: member(0).id,
  nickname: 'wallace',
  epoch: 2,
  clock: NOW,
  joining: false,
  life: 1,
  born: 1,
};
const gromit: Hello = { ...wallace, id: member(1).id, nickname: 'gromit', epoch: 0 };
const fresh: Hello = { ...gromit, networkId: null, joining: true };
const now = { earliest: NOW, latest: NOW };
const ring = withMember(alone(), { ...member(1), nickname: 'gromit' }, 0);

t.test('volcanos of one network, and newcomers with no network or this one, are let in by both sides', async (t) => {
  for (const other of [gromit, fresh, { ...gromit, joining: true }]) {
    t.doesNotThrow(() => checkHello(wallace, other, now, ring));
    t.doesNotThrow(() => checkHello(other, wallace, now, null));
  }
});

t.test('who does not fit is refused by both sides, with both names and what to do', async (t) => {
  const skew = CLOCK_SKEW_MAX_MS * 1000 + 1;
  const other = 'cd'.repeat(16);
  const cases: readonly (readonly [string, Hello, RegExp])[] = [
    ['another version', { ...gromit, protocol: 2, version: '0.2.0' }, /gromit.*wallace|wallace.*gromit/],
    ['another version, versions', { ...gromit, protocol: 2, version: '0.2.0' }, /0\.2\.0.*0\.1\.0|0\.1\.0.*0\.2\.0/],
    ['another network', { ...gromit, networkId: other }, /belongs to network/],
    ['no network, and not joining', { ...gromit, networkId: null }, /belongs to network/],
    [
      'the data of another network',
      { ...gromit, networkId: other, joining: true },
      /data directory of gromit.*empty data directory/,
    ],
    ['a clock ahead', { ...gromit, clock: NOW + skew }, /clock of .* 5\.0 s (ahead|behind).*NTP/],
    ['a clock behind', { ...gromit, clock: NOW - skew }, /clock of .* 5\.0 s (ahead|behind).*NTP/],
    ['the same id', { ...gromit, id: wallace.id }, /same id/],
    ['the same nickname', { ...fresh, nickname: 'wallace' }, /nickname wallace is in use.*magma dead wallace/],
  ];
  for (const [name, theirs, message] of cases) {
    t.throws(() => checkHello(wallace, theirs, now, ring), { name: 'DeniedError', message }, `${name}: the member`);
    const its = { earliest: theirs.clock, latest: theirs.clock };
    t.throws(() => checkHello(theirs, wallace, its, null), { name: 'DeniedError', message }, `${name}: the other`);
  }
  const third = { ...fresh, id: member(2).id };
  t.throws(() => checkHello(wallace, third, now, ring), /nickname gromit is in use/, 'the nickname of a third volcano');
});

t.test(
  'of two members the map says who still is one: a nickname that another one has by now keeps nobody from reading it',
  async (t) => {
    const replaced = { ...gromit, id: member(3).id };
    t.doesNotThrow(() => checkHello(wallace, replaced, now, ring));
  },
);

t.test('a clock is judged by when it may have been read', async (t) => {
  const skew = CLOCK_SKEW_MAX_MS * 1000;
  const between = { earliest: NOW - 3_000_000, latest: NOW };
  for (const clock of [NOW + skew, NOW, NOW - 3_000_000 - skew]) {
    t.doesNotThrow(() => checkHello(wallace, { ...gromit, clock }, between, null));
  }
  t.throws(() => checkHello(wallace, { ...gromit, clock: NOW + skew + 1 }, between, null), /ahead/);
  t.throws(() => checkHello(wallace, { ...gromit, clock: NOW - 3_000_001 - skew }, between, null), /behind/);
});
