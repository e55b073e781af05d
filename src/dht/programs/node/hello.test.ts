import t from 'tap';
import { withMember } from '../../projection/steps.ts';
import { PROTOCOLS } from '../../protocols.ts';
import { alone, member, NETWORK_ID } from '../../testing/members.ts';
import { CLOCK_SKEW_MAX_MS, checkHello, type Hello } from './hello.ts';

const NOW = 1_600_000_000_000_000;
const wallace: Hello = {
  protocols: PROTOCOLS,
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
  const newer = { ...gromit, protocols: { least: 2, most: 3 }, version: '0.2.0' };
  const cases: readonly (readonly [string, Hello, RegExp])[] = [
    ['another version', newer, /gromit.*wallace.*no protocol in common|wallace.*gromit.*no protocol in common/],
    ['another version, versions', newer, /0\.2\.0.*0\.1\.0|0\.1\.0.*0\.2\.0/],
    ['another version, the cure', newer, /Run a newer magma on wallace, or the same version on both/],
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

t.test(
  'volcanos of versions with a protocol in common work together, if the network is at one that each of them speaks',
  async (t) => {
    const speaking = (who: Hello, least: number, most: number): Hello => ({ ...who, protocols: { least, most } });
    const at = (protocol: number) => ({ ...ring, protocol });
    const [one, both] = [speaking(wallace, 1, 1), speaking(gromit, 1, 2)];
    for (const [mine, theirs] of [
      [one, both],
      [both, one],
    ] as const) {
      t.doesNotThrow(() => checkHello(mine, theirs, now, at(1)), 'n and n + 1');
      t.throws(() => checkHello(mine, theirs, now, at(2)), {
        name: 'DeniedError',
        message: 'the network is at protocol 2, and wallace (magma 0.1.0) speaks 1 at most: run a newer magma there',
      });
    }
    const later = speaking(gromit, 2, 3);
    const wallaces = speaking(wallace, 1, 2);
    t.doesNotThrow(() => checkHello(wallaces, later, now, at(2)));
    t.throws(() => checkHello(wallaces, later, now, at(1)), {
      message: /network is at protocol 1, and gromit .* speaks none below 2: run a magma there that speaks 1/,
    });
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
