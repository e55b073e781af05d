import t from 'tap';
import type { KeyPlan } from './plan.ts';
import {
  isUrgent,
  type KeyFigures,
  type KeyStanding,
  keyFigures,
  keyStanding,
  NEAR_SECONDS,
  NO_KEYS,
  standingText,
} from './standing.ts';
import type { KeyUser } from './users.ts';

/* Who still has the network's old key while it is let in (docs/operating.md, "Keys"). */

const [OLD, NEW] = ['ef'.repeat(8), 'cd'.repeat(8)];
const UNTIL = Date.parse('2026-12-24T00:00:00Z') / 1000;
const PLAN: KeyPlan = { number: 2, dial: NEW, accept: [OLD, NEW], until: UNTIL };

function user(name: string, keyId: string, quietMs: number, address = '192.0.2.1'): KeyUser {
  return { role: 'client', keyId, client: { name, number: 1 }, address, quietMs };
}

t.test('A volcano counts the clients that called with the old key last, and no volcanos', async (t) => {
  const users: KeyUser[] = [
    user('laptop', OLD, 10),
    user('desktop', OLD, 500),
    user('desktop', NEW, 20),
    user('back', OLD, 20),
    user('back', NEW, 500),
    user('', OLD, 5, '192.0.2.7'),
    user('', NEW, 1, '192.0.2.8'),
    { ...user('', OLD, 5), role: 'volcano', client: null },
  ];
  t.same(
    keyFigures(PLAN, () => users),
    { plan: 2, old: { until: UNTIL, clients: 3 } },
  );
  const none = (): never => {
    throw new Error('users are not looked at');
  };
  t.same(keyFigures(null, none), NO_KEYS);
  t.same(keyFigures({ ...PLAN, accept: [NEW], until: 0 }, none), { plan: 2, old: null });
  t.same(keyFigures({ ...PLAN, dial: OLD, until: 0 }, none), { plan: 2, old: null }, 'as long as it is not old yet');
});

t.test(
  'Volcanos by an older plan have the old key; without one that lets it in there is nothing to tell',
  async (t) => {
    const of = (all: Readonly<Record<string, KeyFigures | null>>) =>
      keyStanding(
        Object.keys(all).map((nickname) => ({ nickname })),
        ({ nickname }) => all[nickname]!,
      );
    const has = (clients: number): KeyFigures => ({ plan: 2, old: { until: UNTIL, clients } });
    t.same(of({ wallace: has(1), gromit: has(3), penguin: { plan: 1, old: null }, shaun: null }), {
      ...{ until: UNTIL, clients: 3, behind: ['penguin'], unheard: ['shaun'] },
    });
    t.equal(of({ wallace: NO_KEYS, shaun: null }), null);
    t.equal(of({ wallace: { plan: 3, old: null }, gromit: has(1) }), null, 'it has just been ended');
  },
);

t.test('It is loud while somebody has the old key and its time is nearly over', async (t) => {
  const nobody: KeyStanding = { until: UNTIL, clients: 0, behind: [], unheard: [] };
  const near = UNTIL - NEAR_SECONDS;
  t.notOk(isUrgent(nobody, near));
  for (const who of [{ clients: 1 }, { behind: ['gromit'] }, { unheard: ['gromit'] }]) {
    t.ok(isUrgent({ ...nobody, ...who }, near));
    t.notOk(isUrgent({ ...nobody, ...who }, near - 1));
    t.notOk(isUrgent({ ...nobody, ...who, until: 0 }, near), 'which is not known');
  }
  t.equal(standingText(nobody, near), 'the old key of the network is let in until 2026-12-24T00:00:00Z');
  t.equal(
    standingText({ ...nobody, clients: 2, behind: ['gromit'], unheard: ['shaun', 'preston'] }, near),
    'OLD KEY: that of the network is let in until 2026-12-24T00:00:00Z; 2 clients call with it (magma key list); gromit has no other yet; nothing is known of shaun, preston',
  );
  t.equal(
    standingText({ ...nobody, until: 0, clients: 1 }, near),
    'the old key of the network is let in until magma key rotate --end; a client calls with it (magma key list)',
  );
  const many = Array.from({ length: 20 }, (_, at) => `v${at}`);
  t.match(standingText({ ...nobody, behind: many }, 0), /v7 and 12 more have no other yet$/);
});
