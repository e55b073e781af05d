import t from 'tap';
import { silentLogger } from '../base/logger.ts';
import type { Net } from '../base/net.ts';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import type { CallContext } from '../rpc/program.ts';
import { BLOCKED_MAX, BLOCKED_PER_CLIENT_MAX, Blocked } from './blocked.ts';
import { CALLS_MAX, CALLS_PER_CLIENT_MAX, CallBack, type Origin } from './call-back.ts';
import { GrantedAnswers } from './grant.ts';
import { codecsFor } from './nlm/schema.ts';
import { HOSTS_MAX, HOSTS_PER_ADDRESS_MAX, Hosts, NAME_MAX } from './nsm/hosts.ts';
import { MONITORS_MAX, Monitors } from './nsm/monitors.ts';
import { bytesOf, holderOf, NLM_HOLDER_MAX, ownerOf } from './owners.ts';

/* What clients can have the lock manager keep, and do, at most. */

const origin = (address: string): Origin => ({
  ...{ transport: 'udp', client: { address, port: 700 }, server: { address: '10.0.0.1', port: 1 } },
});

t.test('calls to clients: so many to one address, and to all (CALLS_PER_CLIENT_MAX, CALLS_MAX)', async (t) => {
  const clock = manualClock();
  let bound = 0;
  const net = {
    bindDatagram() {
      bound += 1;
      return new Promise(() => {});
    },
  } as unknown as Net;
  const callBack = new CallBack({ net, clock, random: seededRandom(1) });
  const { void: none } = codecsFor(1);
  const procedure = { program: 1, version: 1, procedure: 0, arguments: none, result: none };
  const call = (address: string) => callBack.call(origin(address), procedure, undefined);
  for (let at = 0; at < CALLS_PER_CLIENT_MAX; at++) void call('10.0.0.2');
  await t.rejects(call('10.0.0.2'), { message: /too many calls/ });
  for (let at = CALLS_PER_CLIENT_MAX; at < CALLS_MAX; at++) void call(`10.0.1.${at}`);
  await t.rejects(call('10.0.0.3'), { message: /too many calls/ });
  t.equal(bound, CALLS_MAX);
  callBack.stop();
  await t.rejects(call('10.0.0.4'), { message: /too many calls/ }, 'and none after the stop');
});

t.test('requests that wait, of all clients together (BLOCKED_MAX)', async (t) => {
  const service = { locks: { lock: () => new Promise(() => {}) } };
  const blocked = new Blocked({
    ...{ service: service as never, callBack: null as never, clock: manualClock(), logger: silentLogger },
  });
  const lock = {
    caller: Buffer.from('c'),
    handle: Buffer.alloc(32),
    owner: Buffer.from('o'),
    svid: 1,
    offset: 0,
    length: 0,
  };
  const wait = (client: number, at: number): boolean =>
    blocked.add({
      ...{
        origin: origin(`10.0.${client >> 8}.${client & 255}`),
        version: 1,
        byMessage: false,
        cookie: Buffer.alloc(0),
      },
      ...{
        exclusive: true,
        lock,
        answers: new GrantedAnswers(seededRandom(1)),
        id: { key: 'k' as never, generation: 1 },
      },
      caller: { uid: 0, gid: 0, gids: [] },
      request: {
        kind: 0,
        mode: 'exclusive',
        start: 0n,
        last: 9n,
        holder: `h${client}`,
        owner: `${at}`,
        pid: 1,
        leaseMs: 0,
      },
    });
  for (let at = 0; at < BLOCKED_MAX; at++) t.ok(wait(Math.floor(at / BLOCKED_PER_CLIENT_MAX), at));
  t.notOk(wait(200, 0));
  t.equal(blocked.size, BLOCKED_MAX);
  t.ok(wait(0, 0), 'what waits already is taken again');
});

t.test('clients that are remembered: the first one of an address, or of all, is forgotten', async (t) => {
  const clock = manualClock();
  const notes = new MemoryNotes();
  const hosts = new Hosts(notes, clock, silentLogger);
  await hosts.remember('10.1.0.1', 'first', 's');
  for (let at = 0; at <= HOSTS_PER_ADDRESS_MAX; at++) {
    clock.advance(1000);
    await hosts.remember('10.0.0.1', `n${at}`, 's');
  }
  t.equal(hosts.list('10.0.0.1').length, HOSTS_PER_ADDRESS_MAX);
  t.equal(hosts.get('10.0.0.1', 'n0'), null);
  t.ok(hosts.get('10.1.0.1', 'first'), 'a greedy one pushes out none but its own');
  const write = notes.setNote.bind(notes);
  let writes = 0;
  notes.setNote = (name, value) => {
    writes += 1;
    return write(name, value);
  };
  await hosts.remember('10.1.0.1', 'first', 's');
  t.equal(writes, 0, 'who is known costs no write');
  await hosts.remember('10.1.0.1', 'x'.repeat(NAME_MAX + 1), 's');
  t.equal(writes, 0, 'nor does a name that is none');
  const have = hosts.list().length;
  for (let at = have; at <= HOSTS_MAX; at++)
    await write(`nsm/host/a${at}/6e`, notes.note('nsm/host/10.1.0.1/6669727374'));
  await hosts.remember('10.2.0.1', 'last', 's');
  t.ok(hosts.get('10.2.0.1', 'last'));
  t.equal(hosts.list().length, HOSTS_MAX + 1);
  notes.setNote = () => Promise.reject(new Error('NOSPC'));
  await hosts.remember('10.3.0.1', 'unwritten', 's');
  t.equal(hosts.get('10.3.0.1', 'unwritten'), null, 'what cannot be written is done without');
});

t.test('what programs of this machine watch (MONITORS_MAX)', async (t) => {
  const monitors = new Monitors({ call: () => Promise.reject(new Error('no')) }, silentLogger);
  const call = origin('127.0.0.1') as CallContext;
  const watch = (name: string): boolean => {
    const by = { name: Buffer.from('me'), program: 1, version: 1, procedure: 1 };
    return monitors.add({ id: { name: Buffer.from(name), by }, priv: Buffer.alloc(16) }, call);
  };
  for (let at = 0; at < MONITORS_MAX; at++) watch(`m${at}`);
  t.notOk(watch('more'));
  t.ok(watch('m7'), 'what is watched already is watched on');
});

t.test('names and owners of any length: holders are short enough, owners too long are their SHA-1', async (t) => {
  const name = 'n'.repeat(NLM_HOLDER_MAX - 'nlm 10.0.0.1 '.length);
  t.equal(holderOf('10.0.0.1', name)!.length, NLM_HOLDER_MAX);
  t.equal(holderOf('10.0.0.1', `${name}n`), null);
  t.equal(holderOf('10.0.0.1', 'a b'), 'nlm 10.0.0.1 a_b', 'the name is one word');
  const long = Buffer.alloc(1024, 1);
  t.not(ownerOf(1, long), ownerOf(1, Buffer.alloc(1024, 2)));
  t.not(ownerOf(1, long), ownerOf(2, long));
  t.match(ownerOf(0xffff_ffff, long), /^4294967295:[0-9a-f]{40}$/);
  t.same(bytesOf({ holder: 'nlm 10.0.0.1 x', owner: ownerOf(3, Buffer.from('7@x:y')) }), Buffer.from('7@x:y'));
  t.same(bytesOf({ holder: 'desk 17', owner: '3:7' }), Buffer.from('desk 17'));
});
