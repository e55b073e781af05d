import t, { type Test } from 'tap';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { seededRandom } from '../base/random.ts';
import { systemNet } from '../base/system-net.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { RpcServer } from '../rpc/server.ts';
import { Peers } from './peers.ts';
import { flareProgram } from './programs/flare/program.ts';
import type { NodeHandlers } from './programs/node/handlers.ts';
import { checkHello, type Hello } from './programs/node/hello.ts';
import { WATCH_MAX_MS } from './programs/node/procedures/map.ts';
import { nodeProgram } from './programs/node/program.ts';
import { NODE_BOUNDS } from './programs/node/schema.ts';
import { OwnProjectionStore } from './projection/own-store.ts';
import { applyStep, nextStep } from './projection/plan.ts';
import { withMember } from './projection/steps.ts';
import { newerThan } from './projection/store.ts';
import type { Projection } from './projection/types.ts';
import { PROTOCOLS } from './protocols.ts';
import { RemoteProjectionStore } from './remote-projection-store.ts';
import { alone, member, NETWORK_ID } from './testing/members.ts';

/*
 * A volcano that calls another one: real programs on the loopback interface, found by the projection.
 */

/** `gromit` (member 1) serves both programs; `wallace` (member 0) calls. */
async function pair(t: Test, theirs: Partial<Hello> = {}) {
  const clock = manualClock();
  const service = new MemoryService({ clock, random: seededRandom(1), root: { mode: 0o777 } });
  const store = OwnProjectionStore.open(new MemoryNotes());
  const helloOf = (number: number): Hello => ({
    protocols: PROTOCOLS,
    version: '0.1.0',
    networkId: NETWORK_ID,
    id: member(number).id,
    nickname: `v${number}`,
    epoch: 1,
    clock: clock.now(),
    joining: false,
    life: 1,
    born: 1,
  });
  let greeted = 0;
  const handlers: Partial<NodeHandlers> = {
    hello(other) {
      greeted += 1;
      checkHello(helloOf(1), other, { earliest: clock.now(), latest: clock.now() }, null);
      return { ...helloOf(1), ...theirs };
    },
    newest: async (known) => {
      await store.newest();
      return store.since(known);
    },
    write: (projection) => store.write(projection),
    watch: async (epoch, waitMs) =>
      (await newerThan(store, clock, epoch, waitMs)) === null ? null : store.since(epoch),
  };
  const server = new RpcServer({ net: systemNet, clock: systemClock, logger: silentLogger, bounds: NODE_BOUNDS });
  const epoch = (): number => store.known?.epoch ?? 0;
  const node = nodeProgram({ handlers: handlers as NodeHandlers, allowed: () => true, admit: () => 'serve', epoch });
  const gate = ({ caller }: { caller: Parameters<MemoryService['lookup']>[0] | undefined }) => caller;
  const flare = flareProgram({ service, admit: () => 'serve', gate, projection: () => store.known });
  const at = { addresses: ['127.0.0.1'], port: 0, transports: ['tcp'] as const };
  const nodePort = (await server.listen({ ...at, programs: [node] })).port;
  const flarePort = (await server.listen({ ...at, programs: [flare] })).port;
  const own = { ...member(0), addresses: ['127.0.0.1'] };
  const gromit = { ...member(1), addresses: ['127.0.0.1'], nodePort, flarePort };
  let ring = withMember(alone({ member: own }), gromit, 0);
  for (let step = nextStep(ring); step !== null; step = nextStep(ring)) ring = applyStep(ring, step);
  const peers = new Peers(own.id, {
    ...{ net: systemNet, clock, random: seededRandom(2) },
    hello: () => helloOf(0),
    projection: () => ring,
    root: () => service.root(),
    refreshed: () => {},
  });
  t.teardown(async () => {
    await peers.close();
    // What waits for a projection is answered, so that the server has nothing under way.
    clock.advance(WATCH_MAX_MS);
    await server.stop();
  });
  return { peers, ring, service, store, clock, server, greeted: () => greeted };
}

t.test('owners are found by the projection, and called over one connection for each program', async (t) => {
  const { peers, ring, service, server, greeted } = await pair(t);
  t.throws(() => peers.of(200), { name: 'RetryError', message: /map is not known/ });
  t.notOk(peers.isOwn(0));
  peers.update(ring);
  t.ok(peers.isOwn(0));
  t.notOk(peers.isOwn(200));
  const owner = peers.of(200);
  t.equal(owner.id, member(1).id);
  t.strictSame(await owner.service.getattr(service.root()), service.getattr(service.root()));
  await owner.service.statfs();
  t.equal(greeted(), 0);
  t.equal(await peers.peer(member(1).id).node.newest(), null);
  await peers.peer(member(1).id).node.newest();
  t.equal(greeted(), 1, 'hello is said once a connection of the node program');
  t.equal(server.connections, 2);
  t.match(
    peers.known().map(({ figures }) => figures),
    [{ node: { calls: 2 }, flare: { calls: 2, connects: 1 } }],
  );
  t.throws(() => peers.peer(member(0).id), { name: 'RetryError' }, 'nobody is his own peer');
  t.throws(() => peers.peer(member(9).id), { name: 'RetryError' });
});

t.test(
  'a newer projection closes the ways to who is gone or has moved, and no others; older ones are ignored',
  async (t) => {
    const { peers, ring } = await pair(t);
    const moved = (epoch: number, port: number): Projection => ({
      ...ring,
      epoch,
      volcanos: ring.volcanos.with(1, { ...ring.volcanos[1]!, flarePort: port }),
    });
    peers.update(ring);
    const peer = peers.peer(member(1).id);
    peers.update({ ...ring, epoch: ring.epoch + 1 });
    t.equal(peers.peer(member(1).id), peer);
    peers.update(moved(ring.epoch, 1));
    t.equal(peers.peer(member(1).id), peer);
    peers.update(moved(ring.epoch + 2, 1));
    t.not(peers.peer(member(1).id), peer);
    await t.rejects(peer.node.newest(), { name: 'RetryError', message: /closed/ });
  },
);

t.test('a volcano that is another one, or does not fit, is not worked with', async (t) => {
  const other = await pair(t, { id: member(5).id, nickname: 'v5' });
  other.peers.update(other.ring);
  await t.rejects(other.peers.peer(member(1).id).node.newest(), /v5 .* answers where v1 .* should be/);
  const late = await pair(t, { clock: 1 });
  late.peers.update(late.ring);
  await t.rejects(late.peers.peer(member(1).id).node.newest(), { name: 'RetryError', message: /clock of v1/ });
});

t.test('the projection store of the arbiter, over its node program', async (t) => {
  const { peers, ring, store, clock } = await pair(t);
  peers.update(ring);
  let known: Projection | null = null;
  const remote = new RemoteProjectionStore({
    arbiter: () => peers.peer(member(1).id).node,
    known: () => known,
    clock,
    random: seededRandom(3),
  });
  t.equal(await remote.newest(), null);
  const seen: number[] = [];
  let told = Promise.withResolvers<void>();
  const stop = remote.watch(({ epoch }) => {
    seen.push(epoch);
    told.resolve();
  });
  const first = alone();
  t.equal(await remote.write(first), 'written');
  await told.promise;
  const rivals = [1, 2].map((number) => withMember(first, member(number), 0));
  told = Promise.withResolvers();
  t.same(
    new Set(await Promise.all([remote.write(rivals[0]!), store.write(rivals[1]!)])),
    new Set(['written', 'taken']),
  );
  await told.promise;
  for (const one of [null, first, await store.newest()]) {
    known = one;
    t.strictSame(await remote.newest(), await store.newest(), `who knows epoch ${one?.epoch}`);
  }
  const second = (await store.newest())!;
  await store.write(withMember(second, member(3), 1));
  known = { ...first, epoch: 2 };
  t.strictSame(await remote.newest(), await store.newest(), 'who knows something else is told the whole');
  t.strictSame(seen.slice(0, 2), [1, 2], 'each is told once');
  stop();
});

t.test('newerThan: at once when there is one, when one is written, null after its time', async (t) => {
  const clock = manualClock();
  const store = OwnProjectionStore.open(new MemoryNotes());
  const waits = newerThan(store, clock, 0, 1000);
  await store.write(alone());
  t.match(await waits, { epoch: 1 });
  t.match(await newerThan(store, clock, 0, 1000), { epoch: 1 });
  const stop = Promise.withResolvers<void>();
  const ended = newerThan(store, clock, 1, 1000, stop.promise);
  stop.resolve();
  t.equal(await ended, null, 'who stops does not go on waiting');
  const late = newerThan(store, clock, 1, 1000);
  clock.advance(1000);
  t.equal(await late, null);
});
