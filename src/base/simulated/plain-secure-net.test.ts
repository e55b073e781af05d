import t from 'tap';
import { HANDSHAKE_MS, HandshakeError, type SecureOptions, type SecureStream } from '../secure-net.ts';
import { portOf } from '../testing/datagrams.ts';
import { streamContract } from '../testing/stream-contract.ts';
import { letRun, virtualNetwork } from '../testing/virtual-network.ts';
import { createPlainSecureNet } from './plain-secure-net.ts';

const KEY = Buffer.alloc(32, 7);
const ME = { identity: 'magma/1/volcano/00', key: KEY };

function secure(world: ReturnType<typeof virtualNetwork>, options: Partial<SecureOptions> = {}) {
  const made = { keyOf: (identity: string) => (identity === ME.identity ? KEY : null), self: ME, ...options };
  return {
    near: createPlainSecureNet(world.near, world.near.clock, made),
    far: createPlainSecureNet(world.far, world.far.clock, made),
  };
}

const world = virtualNetwork(11);
streamContract({ name: 'simulated secure streams', ...secure(world), address: '10.0.0.2', address6: 'fd00::2' });
t.teardown(letRun(world.time));

t.test('the identity is carried; who has another key or name is refused, and both sides are told', async (t) => {
  const world = virtualNetwork();
  const refused: string[] = [];
  const { near, far } = secure(world, { refused: (_, cause) => refused.push(cause) });
  const listener = await far.listen([], 0);
  const accepted: SecureStream[] = [];
  listener.onConnection((stream) => accepted.push(stream));
  const to = { address: 'fd00::2', port: portOf(listener) };
  t.equal((await world.time.settle(near.connect(to), 100)).identity, ME.identity);
  t.equal(accepted[0]?.identity, ME.identity);
  for (const self of [
    { ...ME, key: Buffer.alloc(32) },
    { ...ME, identity: 'nobody' },
  ])
    await t.rejects(world.time.settle(secure(world, { self }).near.connect(to), 100), HandshakeError);
  t.same(refused, ['wrong key', 'unknown identity']);
  t.equal(accepted.length, 1);
});

t.test('what comes right behind the handshake waits for a reader who is not paused', async (t) => {
  const world = virtualNetwork();
  const { near, far } = secure(world);
  const listener = await far.listen([], 0);
  listener.onConnection((stream) => {
    stream.write(Buffer.from('at once'));
    stream.end();
  });
  const stream = await world.time.settle(near.connect({ address: '10.0.0.2', port: portOf(listener) }), 100);
  const got: string[] = [];
  stream.pause();
  stream.onData((data) => got.push(data.toString()));
  await world.time.run(100);
  t.same(got, []);
  stream.resume();
  await world.time.run(100);
  t.equal(got.join(''), 'at once');
});

t.test('handshakes have their time and their number', async (t) => {
  const world = virtualNetwork();
  const refused: string[] = [];
  const { near, far } = secure(world, { refused: (_, cause) => refused.push(cause), handshakesPerAddress: 1 });
  const listener = await far.listen([], 0);
  listener.onConnection(() => {});
  const to = { address: '10.0.0.2', port: portOf(listener) };
  await world.time.settle(world.near.connect(to), 100);
  await t.rejects(world.time.settle(near.connect(to), 100), HandshakeError);
  t.same(refused, ['too many unfinished handshakes']);
  await world.time.run(HANDSHAKE_MS);
  t.match(refused[1], /no answer within/);
  await world.time.settle(near.connect(to), 100);
});
