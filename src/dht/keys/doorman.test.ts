import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { VirtualTime } from '../../base/virtual-clock.ts';
import { BusyError } from '../../flare/joint.ts';
import { MemoryNotes } from '../../flare/testing/memory-notes.ts';
import type { CallContext } from '../../rpc/program.ts';
import type { KeyChain } from './chain.ts';
import { Doorman, REFUSED_LINE_MS, REFUSED_MAX } from './doorman.ts';
import { REVOKED_MAX, revoke, revokedNames, revokedUpTo } from './revoked.ts';
import { KeyUsers, USERS_MAX } from './users.ts';

const NETWORK = 'ab'.repeat(16);
const KEY = 'cd'.repeat(8);
const OLD = 'ef'.repeat(8);

function call(identity: string | undefined, address = '192.0.2.1', connection: object = {}): CallContext {
  const client = { address, port: 1 };
  return { identity, client, connection } as unknown as CallContext;
}

const named = (name: string, number: number): string => `magma/2/client/${NETWORK}/${KEY}/${name}/${number}`;

function made() {
  const time = new VirtualTime();
  const clock = time.clock();
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, line: string) => void lines.push(line) };
  const notes = Object.assign(new MemoryNotes(), { known: true });
  const accepted = [{ secrets: { keyId: KEY } }] as unknown as KeyChain['accepted'];
  const chain = {
    accepted,
    plan: null,
    accepts: (keyId: string) => keyId === KEY,
    isRetired: (keyId: string) => keyId === OLD,
  };
  const doorman = new Doorman({ clock, logger, notes, chain });
  return { time, clock, lines, notes, doorman };
}

t.test(
  'a key that was revoked is refused, on connections that are there too; other names and the next number are let in',
  async (t) => {
    const { clock, lines, notes, doorman } = made();
    const open = call(named('laptop', 1));
    t.equal(doorman.admit(open), 'client');
    t.match(await revoke(notes, 'laptop', clock), { name: 'laptop', number: 1 });
    const refused = {
      name: 'DeniedError',
      message: /key of laptop \(number 1\) was revoked. Cure: `magma key client laptop`/,
    };
    t.throws(() => doorman.admit(open), refused);
    t.throws(() => doorman.admit(call(named('laptop', 1))), refused);
    for (const other of [
      named('laptop', 2),
      named('desktop', 1),
      named('', 1),
      named('', 0),
      `magma/1/client/${NETWORK}`,
    ])
      t.equal(doorman.admit(call(other)), 'client', other);
    t.equal(doorman.admit(call(`magma/2/volcano/${NETWORK}/${KEY}`)), 'volcano');
    t.equal(doorman.admit(call('magma/1/joiner')), 'joiner');
    t.equal(doorman.admit(call(undefined)), null);
    t.equal(lines.length, 1, 'one line for one caller');
  },
);

t.test(
  'the key that clients share is revoked with that of version 1; whoever has the network key itself is let in',
  async (t) => {
    const { clock, notes, doorman } = made();
    await revoke(notes, '', clock);
    for (const gone of [named('', 1), `magma/1/client/${NETWORK}`])
      t.throws(() => doorman.admit(call(gone)), { message: /key that clients share.*`magma key client` on/ });
    for (const other of [named('', 0), named('', 2), named('laptop', 1)]) t.equal(doorman.admit(call(other)), 'client');
  },
);

t.test('while it is not known what is revoked, clients are to ask again, and volcanos are let in', async (t) => {
  const { doorman, notes } = made();
  notes.known = false;
  try {
    t.notOk(doorman.admit(call(named('laptop', 1))), 'let in');
  } catch (error) {
    t.ok(error instanceof BusyError);
  }
  t.equal(doorman.admit(call(`magma/1/volcano/${NETWORK}`)), 'volcano');
});

t.test('a refused caller has a line now and then, and many have no more lines than are remembered', async (t) => {
  const { time, clock, lines, notes, doorman } = made();
  await revoke(notes, 'laptop', clock);
  const knock = (address: string): void => void t.throws(() => doorman.admit(call(named('laptop', 1), address)));
  knock('192.0.2.1');
  knock('192.0.2.1');
  t.equal(lines.length, 1);
  await time.run(REFUSED_LINE_MS);
  knock('192.0.2.1');
  t.equal(lines.length, 2);
  for (let n = 0; n < 2 * REFUSED_MAX; n++) knock(`host ${n}`);
  t.equal(lines.length, 1 + REFUSED_MAX);
});

t.test('so many names may be revoked, and no more; what is no name is not', async (t) => {
  const { clock, notes } = made();
  await t.rejects(revoke(notes, 'A/b', clock), { name: 'RangeError', message: /"A\/b" is no name of a client/ });
  for (let n = 0; n < REVOKED_MAX; n++) await revoke(notes, `c${n}`, clock);
  await t.rejects(revoke(notes, 'one-more', clock), { name: 'RangeError', message: /Cure: another key/ });
  t.match(await revoke(notes, 'c7', clock), { number: 2 }, 'one that is there may be revoked again');
  t.equal(revokedUpTo(notes, 'c7'), 2);
  t.equal(revokedUpTo(notes, 'c'), 0);
  t.equal(revokedNames(notes).length, REVOKED_MAX);
});

t.test('who called with which key is remembered, and who called longest ago gives way', async (t) => {
  const time = new VirtualTime();
  const users = new KeyUsers(time.clock());
  const user = (address: string) =>
    ({ role: 'client', keyId: KEY, client: { name: 'a', number: 1 }, address }) as const;
  const first = users.met(user('first'));
  first();
  for (let n = 1; n < USERS_MAX; n++) {
    await time.run(1);
    users.met(user(`${n}`))();
  }
  first();
  await time.run(5);
  users.met(user('last'))();
  const addresses = users.list().map(({ address }) => address);
  t.equal(addresses.length, USERS_MAX);
  t.same([addresses[0], addresses[1]], ['last', 'first']);
  t.notOk(addresses.includes('1'));
  t.match(users.list()[1], { quietMs: 5, client: { name: 'a' } });
});

t.test(
  'an old key of the network is let in no more: a line a caller says so, and another one for a stranger',
  async (t) => {
    const { lines, doorman } = made();
    const old = `magma/2/client/${NETWORK}/${OLD}/laptop/1`;
    t.throws(() => doorman.admit(call(old)), {
      name: 'DeniedError',
      message: /another key.*Cure: what `magma key client` prints/,
    });
    for (let n = 0; n < 3; n++) doorman.turnedAway({ address: '192.0.2.1', port: n }, 'unknown', old);
    doorman.turnedAway({ address: '192.0.2.1', port: 9 }, 'unknown', null);
    t.match(lines, [/refused: laptop \(number 1\) has an old key of the network/, /no network key was proved/]);
    const open = {};
    doorman.admit(call(named('laptop', 1), '192.0.2.1', open));
    t.ok(doorman.isOf(open, [KEY]));
    t.notOk(doorman.isOf(open, [OLD]));
    t.notOk(doorman.isOf({}, [KEY]), 'who has not called yet is none');
  },
);
