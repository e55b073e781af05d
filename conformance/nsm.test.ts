import t from 'tap';
import { silentLogger } from '../src/base/logger.ts';
import { Monitors } from '../src/lockd/nsm/monitors.ts';
import { LOOK_MS, TELL_TRIES } from '../src/lockd/nsm/notifier.ts';
import { nsmProgram } from '../src/lockd/nsm/program.ts';
import { meant } from '../src/lockd/nsm/restarts.ts';
import { GRACE_MS } from '../src/lockd/nsm/state.ts';
import { RpcError } from '../src/rpc/client.ts';
import type { CallContext } from '../src/rpc/program.ts';
import { serveLocks } from './lib/lock-service.ts';
import { NSM, SERVER, Status } from './lib/nlm-client.ts';
import { Accept, opaque, u32 } from './lib/wire.ts';

/* The network status monitor (XNFS chapter 11) over real sockets (docs/locks.md). */

const { GRANTED, DENIED, GRACE } = Status;
const myId = (procedure: number) => [opaque('localhost'), u32(200_002, 1, procedure)];

t.test('version 1 is served; STAT says the state number of the network, which is odd', async (t) => {
  const service = await serveLocks(t);
  const client = await service.client('127.0.0.2', 'crate');
  t.match(await client.call(NSM, 2, 0, Buffer.alloc(0)), { status: Accept.PROG_MISMATCH, results: u32(1, 1) });
  t.equal((await client.ask(NSM, 0, Buffer.alloc(0))).rest, 0);
  t.equal(await client.state(), 1);
});

t.test('NOTIFY ends the locks of the client that it comes from, once; those of others stay', async (t) => {
  const service = await serveLocks(t);
  const one = await service.client('127.0.0.2', 'crate');
  const two = await service.client('127.0.0.3', 'crate');
  const [f, g] = [service.file('f'), service.file('g')];
  t.equal(await one.lock({ handle: f }), GRANTED);
  t.equal(await two.lock({ handle: g }), GRANTED);
  await two.notify(3, 'other');
  t.equal(await one.lock({ handle: g }), GRANTED, 'the only client at that address, by whatever name');
  await two.notify(5);
  t.equal(await two.lock({ handle: f }), DENIED, 'another address');
  await one.notify(3, 'CRATE.example.org');
  t.equal(await two.lock({ handle: f }), GRANTED, 'the long name is as good');
  await two.notify(5);
  t.equal(
    await one.lock({ handle: f }),
    DENIED,
    'what was said before (the answer was lost) ends nothing that was locked since',
  );
  await two.notify(7);
  t.equal(await one.lock({ handle: f }), GRANTED, 'but the next start does');
});

t.test(
  'which client a machine means: itself by full or short name, all by its address, none by a foreign name',
  async (t) => {
    const host = (name: string) => ({ address: 'a', name, server: 's', state: 0 });
    t.same(meant([host('one'), host('two')], 'a', 'one'), ['one']);
    t.same(meant([host('one.site'), host('two')], 'a', 'ONE'), ['one.site']);
    t.same(meant([host('one'), host('two')], 'a', 'three'), []);
    t.same(meant([host('one'), host('two')], 'a', 'a'), ['one', 'two']);
    t.same(meant([host('one')], 'a', 'three'), ['one']);
    t.same(meant([], 'a', 'one'), []);
  },
);

t.test('records were lost: the number rises by two, clients are told, and reclaim while others wait', async (t) => {
  const service = await serveLocks(t);
  const one = await service.client('127.0.0.2', 'one');
  const two = await service.client('127.0.0.3', 'two');
  const handle = service.file('f');
  t.equal(await one.lock({ handle }), GRANTED);
  t.equal(await two.lock({ handle: service.file('g') }), GRANTED);
  service.store.locks.releaseHolder('nlm 127.0.0.2 one');
  await one.ask(NSM, 5, Buffer.alloc(0));
  t.equal(await one.state(), 3);
  service.clock.advance(LOOK_MS);
  const told = await one.incoming();
  t.match(told, { program: NSM, version: 1, procedure: 6, from: SERVER });
  t.equal(told.args.text(), 'wallace', 'the name of the network');
  t.equal(told.args.number(), 3);
  told.answer();
  const also = await two.incoming();
  also.answer();
  t.equal(await two.lock({ handle }), GRACE, 'who has had nothing waits');
  t.equal(await two.share(20, handle, 'a', 1, 0), GRACE);
  t.equal(await one.lock({ handle, reclaim: true }), GRANTED);
  t.equal(await one.lock({ handle, reclaim: true }), GRANTED, 'reclaiming what one has succeeds');
  t.equal(await two.lock({ handle, reclaim: true }), DENIED, 'what another one has reclaimed is his');
  t.equal(await two.unlock({ handle }), GRANTED);
  service.clock.advance(GRACE_MS);
  t.equal(await two.lock({ handle }), DENIED);
  t.equal(await one.lock({ handle, reclaim: true }), GRANTED, 'also later');
  t.equal(one.unread + two.unread, 0, 'nobody is told twice');
});

t.test('a client that cannot be told is tried for a quarter of an hour, and then named in the log', async (t) => {
  const service = await serveLocks(t);
  const one = await service.client('127.0.0.2', 'one');
  await one.lock({ handle: service.file('f') });
  one.unregistered = true;
  await one.ask(NSM, 5, Buffer.alloc(0));
  for (let looks = 0; !service.log.some((line) => line.includes('could not be told')); looks++) {
    if (looks > 1000 * TELL_TRIES) throw new Error('it is never given up');
    service.clock.advance(LOOK_MS);
    await new Promise(setImmediate);
  }
  t.ok(one.asked >= TELL_TRIES);
});

t.test('MON, UNMON and UNMON_ALL: programs of this machine are told of what they watch', async (t) => {
  const service = await serveLocks(t);
  const local = await service.client('127.0.0.1', 'local');
  const other = await service.client('127.0.0.2', 'crate');
  const watch = (name: string, procedure = 16) =>
    local.ask(NSM, 2, Buffer.concat([opaque(name), ...myId(procedure), Buffer.alloc(16, 5)]));
  const [result, state] = [await watch('crate'), 1];
  t.same([result.number(), result.number(), result.rest], [0, state, 0]);
  await watch('gromit');
  await watch('crate', 17);
  await other.notify(9);
  const called = new Set<number>();
  for (let times = 0; times < 2; times++) {
    const told = await local.incoming();
    t.match(told, { program: 200_002, version: 1 });
    called.add(told.procedure);
    t.equal(told.args.text(), 'crate');
    t.equal(told.args.number(), 9);
    t.same(told.args.bytes.subarray(-16), Buffer.alloc(16, 5), 'what it wanted back');
    told.answer();
  }
  t.same([...called].sort(), [16, 17]);
  await local.ask(NSM, 3, Buffer.concat([opaque('crate'), ...myId(16)]));
  await other.notify(11);
  const left = await local.incoming();
  t.equal(left.procedure, 17);
  left.answer();
  await local.ask(NSM, 4, Buffer.concat(myId(17)));
  await other.notify(13);
  await other.notify(13, 'gromit');
  const last = await local.incoming();
  t.equal(last.args.text(), 'gromit', 'all others were ended');
});

t.test('never a reflector: MON and SIMU_CRASH from another machine do nothing', async (t) => {
  let lost = 0;
  const state = { number: 1, lose: async () => void lost++ };
  const monitors = new Monitors({ call: () => Promise.reject(new RpcError('TIMEOUT', 'called')) }, silentLogger);
  const restarts = { told: async () => {} };
  const { versions } = nsmProgram({ state, monitors, restarts, logger: silentLogger });
  const call = {
    client: { address: '192.0.2.1', port: 700 },
    server: { address: '192.0.2.9', port: 5 },
  } as CallContext;
  const by = { name: Buffer.from('victim'), program: 1, version: 1, procedure: 1 };
  const asked = { id: { name: Buffer.from('crate'), by }, priv: Buffer.alloc(16) };
  t.same(await versions.get(1)!.get(2)!.handle(asked, call), { result: 1, state: 1 }, 'FAIL');
  t.notOk(monitors.watches('crate'));
  await versions.get(1)!.get(5)!.handle(undefined, call);
  t.equal(lost, 0);
});
