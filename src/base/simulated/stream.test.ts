import t, { type Test } from 'tap';
import type { Stream } from '../net.ts';
import { portOf } from '../testing/datagrams.ts';
import { streamContract } from '../testing/stream-contract.ts';
import { letRun, virtualNetwork } from '../testing/virtual-network.ts';
import type { LinkConditions } from './faults.ts';

const links: [string, Partial<LinkConditions>][] = [
  ['fair', {}],
  ['bad', { delayMs: 5, jitterMs: 20, loss: 0.05, late: 0.05, lateMs: 300 }],
];
for (const [name, conditions] of links) {
  const { time, network, near, far } = virtualNetwork(3);
  network.faults.set(conditions);
  streamContract({ name: `simulated TCP, a ${name} link`, near, far, address: '10.0.0.2', address6: 'fd00::2' });
  t.teardown(letRun(time));
}
const local = virtualNetwork(4);
streamContract({
  name: 'simulated TCP, loopback',
  near: local.near,
  far: local.near,
  address: '127.0.0.1',
  address6: '::1',
});
t.teardown(letRun(local.time));

/** What is known of a stream's life. */
function watch(stream: Stream) {
  const seen = { text: '', closed: false, error: undefined as { code?: string } | undefined };
  stream.onData((data) => {
    seen.text += data.toString('latin1');
  });
  stream.onClose((error) => {
    seen.closed = true;
    seen.error = error as { code?: string } | undefined;
  });
  return seen;
}

async function connected(world: ReturnType<typeof virtualNetwork>) {
  const listener = await world.far.listen([], 700);
  const accepted = new Promise<Stream>((resolve) => listener.onConnection(resolve));
  const to = { address: '10.0.0.2', port: portOf(listener) };
  const near = await world.time.settle(world.near.connect(to), 60_000);
  near.write(Buffer.from('0'));
  const far = await world.time.settle(accepted, 60_000);
  return { near, far, atNear: watch(near), atFar: watch(far), to, listener };
}

t.test('a partition holds a stream up, and it goes on when that heals; nothing is lost or doubled', async (t) => {
  const world = virtualNetwork();
  const { near, far, atNear, atFar } = await connected(world);
  const heal = world.network.faults.partition(['a'], ['b']);
  near.write(Buffer.from('123'));
  far.write(Buffer.from('abc'));
  await world.time.run(60_000);
  t.same([atFar.text, atNear.text], ['0', '']);
  heal();
  await world.time.run(120_000);
  t.same([atFar.text, atNear.text], ['0123', 'abc']);
});

t.test('one way: what is sent still arrives, answers do not, and in the end the sender gives up', async (t) => {
  const world = virtualNetwork();
  const { near, far, atNear, atFar } = await connected(world);
  await world.time.run(1000);
  world.network.faults.partition(['b'], ['a'], { oneWay: true });
  near.write(Buffer.from('1'));
  await world.time.run(100);
  t.equal(atFar.text, '01');
  far.write(Buffer.from('lost'));
  await world.time.run(20 * 60_000);
  t.same(atNear, { text: '', closed: true, error: atNear.error });
  t.equal(atNear.error?.code, 'ETIMEDOUT');
  t.equal(atFar.error?.code, 'ETIMEDOUT');
  t.equal(atFar.text, '01', 'what was sent again came once');
});

t.test(
  'connecting: refused where nobody listens, ETIMEDOUT where nobody answers, ENETUNREACH without an address',
  async (t) => {
    const world = virtualNetwork();
    const to = { address: '10.0.0.2', port: 7 };
    await t.rejects(world.time.settle(world.near.connect(to), 1000), { code: 'ECONNREFUSED' });
    const start = world.time.now;
    const heal = world.network.faults.partition(['a'], ['b']);
    await t.rejects(world.time.settle(world.near.connect(to, { timeoutMs: 3000 }), 10_000), { code: 'ETIMEDOUT' });
    t.equal(world.time.now - start, 3_000_000);
    heal();
    const nobody = { address: '10.9.9.9', port: 7 };
    await t.rejects(world.time.settle(world.near.connect(nobody), 60_000), { code: 'ETIMEDOUT' });
    const old = world.network.host('old', ['10.0.0.3']).process(world.time.clock());
    await t.rejects(old.connect({ address: 'fd00::2', port: 7 }), { code: 'ENETUNREACH' });
    t.equal(await world.time.runUntilIdle(1000), true, 'nothing of it is left');
  },
);

t.test(
  'kill -9: peers see the end; a reset, when the process had not read all; the port is free for the next',
  async (t) => {
    for (const unread of [false, true]) {
      const world = virtualNetwork();
      const { near, far, atNear, atFar, to } = await connected(world);
      far.write(Buffer.from('said'));
      if (unread) far.pause();
      if (unread) near.write(Buffer.alloc(1_000_000));
      await world.time.run(100);
      world.far.kill();
      far.write(Buffer.from('from the grave'));
      await world.time.run(1000);
      t.equal(atNear.text, 'said');
      t.equal(atNear.closed, true);
      t.equal(atNear.error?.code, unread ? 'ECONNRESET' : undefined);
      t.equal(atFar.closed, false, 'the dead learn nothing');
      await t.rejects(world.time.settle(world.near.connect(to), 1000), { code: 'ECONNREFUSED' });
      const next = world.b.process(world.time.clock());
      await next.listen([], to.port);
      await world.time.settle(world.near.connect(to), 1000);
    }
  },
);

t.test('power off: silence; and a reset from the host that is back and knows nothing', async (t) => {
  const world = virtualNetwork();
  const { near, atNear, atFar, to } = await connected(world);
  await world.time.run(100);
  world.b.powerOff();
  near.write(Buffer.from('anybody?'));
  await world.time.run(5000);
  t.equal(atNear.closed, false);
  await t.rejects(world.time.settle(world.near.connect(to, { timeoutMs: 2000 }), 9000), { code: 'ETIMEDOUT' });
  t.throws(() => world.b.process(world.time.clock()), /switched off/);
  world.b.powerOn();
  await world.time.run(120_000);
  t.equal(atNear.error?.code, 'ECONNRESET');
  t.equal(atFar.closed, false);
  t.equal(atFar.text, '0');
});

t.test('a cut half-way: both ends are reset, and what came is a beginning of what was sent', async (t) => {
  let broken = 0;
  for (let seed = 0; seed < 30; seed++) {
    const world = virtualNetwork(seed);
    const { near, atNear, atFar } = await connected(world);
    world.network.faults.set({ reset: 0.1 });
    const sent = Array.from({ length: 20_000 }, (_, n) => String(n % 10)).join('');
    for (let at = 0; at < sent.length; at += 1000) near.write(Buffer.from(sent.slice(at, at + 1000)));
    await world.time.run(1000);
    if (!`0${sent}`.startsWith(atFar.text)) t.fail(`seed ${seed}: other bytes`);
    if (atNear.error === undefined) continue;
    broken += 1;
    t.equal(atNear.error.code, 'ECONNRESET');
    t.equal(atFar.error?.code, 'ECONNRESET');
    if (atFar.text.length > sent.length) t.fail(`seed ${seed}: all came`);
  }
  t.ok(broken > 10, `${broken} of 30 were cut`);
});

/** A run with every fault, as text. */
async function trace(t: Test, seed: number): Promise<string[]> {
  const lines: string[] = [];
  const world = virtualNetwork(seed, (note) => lines.push(JSON.stringify(note)));
  world.network.faults.set({ delayMs: 1, jitterMs: 5, loss: 0.1, duplicate: 0.1, late: 0.1, lateMs: 50, reset: 0.002 });
  const listener = await world.far.listen([], 700);
  listener.onConnection((stream) => stream.onData((data) => stream.write(data)));
  const [left, right] = [await world.near.bindDatagram([], 900), await world.far.bindDatagram([], 900)];
  right.onMessage((data, from) => right.send(data, from));
  left.onMessage((data) => lines.push(data.toString()));
  const clients = Array.from({ length: 5 }, async (_, n) => {
    const stream = await world.near.connect({ address: n % 2 ? 'fd00::2' : '10.0.0.2', port: 700 });
    stream.onData((data) => lines.push(`${n}: ${data.length}`));
    stream.onClose((error) => lines.push(`${n}: ${error}`));
    for (let piece = 0; piece < 20; piece++) stream.write(Buffer.alloc(3000, piece));
    stream.end();
  });
  for (let n = 0; n < 50; n++) left.send(Buffer.from(`datagram ${n}`), { address: '10.0.0.2', port: 900 });
  await world.time.settle(Promise.all(clients), 60_000);
  await world.time.run(60_000);
  t.ok(lines.length > 300);
  return lines;
}

t.test('the same seed, the same trace, packet by packet; another seed, another one', async (t) => {
  const first = await trace(t, 5);
  t.ok((await trace(t, 5)).join('\n') === first.join('\n'));
  t.ok((await trace(t, 6)).join('\n') !== first.join('\n'));
});
