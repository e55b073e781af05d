import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import t from 'tap';
import { systemClock } from '../../clock.ts';
import { silentLogger } from '../../logger.ts';
import type { DatagramSocket, Endpoint } from '../../net.ts';
import { messages, portOf } from '../../testing/datagrams.ts';
import { manualClock } from '../../testing/manual-clock.ts';
import { hostAddresses } from '../address.ts';
import { RECEIVE_BUFFER_BYTES } from '../ports.ts';
import { bindBatched } from './bind.ts';
import { createEngine } from './engine.ts';
import { batchedHost, type Host } from './host.ts';
import { AF, SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF, SO_SNDBUFFORCE, SOL_SOCKET } from './layout.ts';
import { SEND_QUEUE_BYTES, SEND_QUEUE_DATAGRAMS } from './send.ts';
import { LOSSES_MS } from './socket.ts';

const found = batchedHost();
const skip = found instanceof Error ? found.message : false;
const hasIPv6 = hostAddresses().includes('::1');
const quiet = { clock: systemClock, logger: silentLogger };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** `peer` as `socket` knows it once a datagram has come from there. */
async function endpointOf(socket: DatagramSocket, at: Endpoint, peer: DatagramSocket): Promise<Endpoint> {
  const next = messages(socket);
  peer.send(Buffer.from('here'), { address: at.address, port: portOf(socket) }, at);
  return (await next()).from;
}

/** The real host, with some calls replaced. */
function host(changes: (real: Host) => Partial<Host> = () => ({})): Host {
  if (found instanceof Error) throw found;
  return { ...found, ...changes(found) };
}

t.test('one socket a family serves every address of loopback, and replies leave from it', { skip }, async (t) => {
  const engine = createEngine(host());
  const server = await bindBatched(engine, quiet, [], 0);
  t.teardown(() => server.close());
  t.same(
    server.local.map((one) => one.address),
    hasIPv6 ? ['0.0.0.0', '::'] : ['0.0.0.0'],
  );
  const atServer = messages(server);
  for (const address of hasIPv6 ? ['127.0.0.1', '127.0.0.2', '127.200.3.4', '::1'] : ['127.0.0.2']) {
    const client = await bindBatched(engine, quiet, [address.includes(':') ? '::1' : '127.0.0.9'], 0);
    t.teardown(() => client.close());
    const atClient = messages(client);
    client.send(Buffer.from('ask'), { address, port: portOf(server) });
    const asked = await atServer();
    t.same({ ...asked.to }, { address, port: portOf(server) });
    t.same({ ...asked.from }, { ...client.local[0]! });
    // A plain object, as others make them, does as well as the one that was handed out.
    for (const from of [asked.to, { ...asked.to }]) {
      server.send(Buffer.from('answer'), { ...asked.from }, from);
      t.same({ ...(await atClient()).from }, { address, port: portOf(server) });
    }
  }
});

t.test('a flood: each datagram arrives or is counted, and the log says so', { skip }, async (t) => {
  const warnings: any[] = [];
  const clock = manualClock();
  const logger = { ...silentLogger, warn: (fields: object) => warnings.push(fields) };
  const engine = createEngine(host());
  const server = await bindBatched(engine, { clock, logger }, ['127.0.0.1'], 0);
  const client = await bindBatched(engine, quiet, ['127.0.0.1'], 0);
  let received = 0;
  server.onMessage(() => {
    received += 1;
  });
  const count = 40_000;
  for (let n = 0; n < count; n++) client.send(Buffer.alloc(100), server.local[0]!);
  while (received + server.lost!.received < count) await turn();
  t.equal(received + server.lost!.received, count);
  const { received: lost } = server.lost!;
  t.ok(lost > 0, 'more than the buffer holds');
  t.same(warnings, [], 'not told at once');
  clock.advance(LOSSES_MS);
  received = 0;
  for (let n = 0; n < 200; n++) client.send(Buffer.alloc(100), server.local[0]!);
  while (received < 200) await turn();
  t.match(warnings, [{ address: '127.0.0.1', port: portOf(server), lost, total: lost }]);
  await Promise.all([server.close(), client.close()]);
  t.equal(warnings.length, 1);
  t.equal(server.lost!.received, lost, 'known after closing');
});

t.test(
  'while the host takes nothing, datagrams wait, in order, and too many are lost and counted',
  { skip },
  async (t) => {
    let full = true;
    let tries = 0;
    const choked = host((real) => ({
      sendmmsg(fd, messages, count, flags) {
        tries += 1;
        return full ? -1 : real.sendmmsg(fd, messages, count, flags);
      },
      errno: () => (full ? constants.errno.EAGAIN : real.errno()),
    }));
    const server = await bindBatched(createEngine(host()), quiet, ['127.0.0.1'], 0);
    const client = await bindBatched(createEngine(choked), quiet, ['127.0.0.1'], 0);
    t.teardown(() => Promise.all([server.close(), client.close()]));
    for (let n = 0; n < SEND_QUEUE_DATAGRAMS + 10; n++) client.send(Buffer.from(`${n}`), server.local[0]!);
    t.equal(client.lost!.sent, 10);
    while (tries < 3) await turn();
    const seen: number[] = [];
    server.onMessage((data) => seen.push(Number(data)));
    full = false;
    while (seen.length < SEND_QUEUE_DATAGRAMS) await turn();
    t.same(seen, [...seen.keys()]);
    full = true;
    const large = Buffer.alloc(60_000);
    for (let bytes = 0; bytes <= SEND_QUEUE_BYTES; bytes += large.length) client.send(large, server.local[0]!);
    t.equal(client.lost!.sent, 11, 'their bytes are bounded too');
    full = false;
  },
);

t.test('a datagram that the host refuses is counted, and those around it leave', { skip }, async (t) => {
  const socket = await bindBatched(createEngine(host()), quiet, ['127.0.0.1'], 0);
  t.teardown(() => socket.close());
  const next = messages(socket);
  const self = socket.local[0]!;
  socket.send(Buffer.from('a'), self);
  socket.send(Buffer.alloc(65_520), self);
  socket.send(Buffer.alloc(70_000), self);
  socket.send(Buffer.from('b'), { address: '127.0.0.1', port: 0 });
  socket.send(Buffer.from('c'), self, { address: '192.0.2.1', port: 1 });
  socket.send(Buffer.from('d'), self);
  t.equal((await next()).data, 'a');
  t.equal((await next()).data, 'd');
  t.equal(socket.lost!.sent, 4);
});

t.test('a run of datagrams for one peer is one message, and each arrives as it was sent', { skip }, async (t) => {
  const counts: number[] = [];
  const counting = host((real) => ({
    sendmmsg(fd, messages, count, flags) {
      counts.push(count);
      return real.sendmmsg(fd, messages, count, flags);
    },
  }));
  const [one, other] = [
    await bindBatched(createEngine(host()), quiet, [], 0),
    await bindBatched(createEngine(host()), quiet, [], 0),
  ];
  const socket = await bindBatched(createEngine(counting), quiet, [], 0);
  t.teardown(() => Promise.all([one.close(), other.close(), socket.close()]));
  // Equal ones and a shorter one make a message; a longer one, an empty one, another peer, another own address and 65,000 bytes begin the next.
  const lengths = [8, 8, 8, 3, 3, 9, 9, 0, 9, 9, 9];
  const large = Array.from({ length: 5 }, () => 20_000);
  for (const address of hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
    const peers = [one, other].map((peer) => ({ address, port: portOf(peer) }));
    const taken = [one, other].map((peer) => {
      const seen: string[] = [];
      peer.onMessage((data) => seen.push(`${data.length}:${data[0] ?? ''}:${data.at(-1) ?? ''}`));
      return seen;
    });
    const sent: string[][] = [[], []];
    const words = [await endpointOf(socket, peers[0]!, one), await endpointOf(socket, peers[1]!, other)];
    taken[0]!.length = taken[1]!.length = counts.length = 0;
    const scratch = Buffer.alloc(20_000);
    for (const [n, length] of [...lengths, ...large].entries()) {
      const to = n < 8 ? 0 : n === 8 ? 1 : 0;
      // The same memory for all: what was sent is not what it holds later.
      scratch.fill(n + 1, 0, length);
      socket.send(scratch.subarray(0, length), words[to]!);
      sent[to]!.push(`${length}:${length === 0 ? '' : n + 1}:${length === 0 ? '' : n + 1}`);
    }
    while (taken[0]!.length < sent[0]!.length || taken[1]!.length < sent[1]!.length) await turn();
    t.same(taken, sent);
    // 8 8 8 3 | 3 | 9 9 | empty | 9 elsewhere | 9 9 | 20,000 three times | twice
    t.same(counts, [8], address);
  }
});

t.test('a message that the host does not cut leaves as whole datagrams, now and from then on', { skip }, async (t) => {
  let refusals = 0;
  let largest = 0;
  const narrow = host((real) => ({
    sendmmsg(fd, messages, count, flags) {
      // As on a way that carries only shorter ones.
      if (cutting) {
        refusals += 1;
        cutting = false;
        return -1;
      }
      largest = Math.max(largest, count);
      return real.sendmmsg(fd, messages, count, flags);
    },
    errno: () => constants.errno.EINVAL,
  }));
  let cutting = false;
  const server = await bindBatched(createEngine(host()), quiet, ['127.0.0.1'], 0);
  const client = await bindBatched(createEngine(narrow), quiet, ['127.0.0.1'], 0);
  t.teardown(() => Promise.all([server.close(), client.close()]));
  const to = await endpointOf(client, server.local[0]!, server);
  for (const [length, refused, messages] of [
    [1000, true, 10],
    [1000, false, 10],
    [999, false, 1],
  ] as const) {
    const seen: number[] = [];
    server.onMessage((data) => seen.push(data[0]!));
    [cutting, refusals, largest] = [refused, 0, 0];
    for (let n = 0; n < 10; n++) client.send(Buffer.alloc(length, n), to);
    while (seen.length < 10) await turn();
    t.same(seen, [...seen.keys()]);
    t.same([refusals, largest], [refused ? 1 : 0, messages], `${length} bytes`);
  }
  t.equal(client.lost!.sent, 0);
});

t.test('what libuv gives up watching after an error is watched again', { skip }, async (t) => {
  let poll: ((handle: number, status: number, events: number) => void) | undefined;
  let watched = 0;
  const faulty = host((real) => ({
    pollCallback(call) {
      poll = call;
      return real.pollCallback(call);
    },
    uv_poll_start(handle, events, callback) {
      watched = handle;
      return real.uv_poll_start(handle, events, callback);
    },
  }));
  const socket = await bindBatched(createEngine(faulty), quiet, ['127.0.0.1'], 0);
  t.teardown(() => socket.close());
  const handle = watched;
  watched = 0;
  poll!(handle, -9, 0);
  await turn();
  t.equal(watched, handle);
  const next = messages(socket);
  socket.send(Buffer.from('still'), socket.local[0]!);
  t.equal((await next()).data, 'still');
});

t.test('no descriptor is left behind, also by what fails', { skip }, async (t) => {
  const engine = createEngine(host());
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const held = await bindBatched(engine, quiet, [], 0);
  const before = descriptors();
  for (let n = 0; n < 20; n++) {
    const socket = await bindBatched(engine, quiet, [], 0);
    await Promise.all([socket.close(), socket.close()]);
    await t.rejects(bindBatched(engine, quiet, [], portOf(held)), { code: 'EADDRINUSE' });
    await t.rejects(bindBatched(engine, quiet, ['127.0.0.1', '192.0.2.1'], 0), {
      code: 'EADDRNOTAVAIL',
      message: /192\.0\.2\.1/,
    });
  }
  t.equal(descriptors(), before);
  await held.close();
});

t.test('a host without IPv6 serves IPv4', { skip }, async (t) => {
  const old = host((real) => ({
    socket(family, type, protocol) {
      return family === AF[6] ? -1 : real.socket(family, type, protocol);
    },
    errno: () => 97,
  }));
  const socket = await bindBatched(createEngine(old), quiet, [], 0);
  t.same(
    socket.local.map((one) => one.address),
    ['0.0.0.0'],
  );
  await socket.close();
  await t.rejects(bindBatched(createEngine(old), quiet, ['::'], 0), { code: 'EAFNOSUPPORT' });
});

t.test(
  'buffers: beyond the limit where that is allowed, else up to it, and the log is told what there is',
  { skip },
  async (t) => {
    for (const allowed of [true, false]) {
      const options: number[] = [];
      const lines: any[] = [];
      const note = (fields: object, message: string) => lines.push({ ...fields, message });
      const engine = createEngine(
        host((real) => ({
          setsockopt(fd, level, option, value, bytes) {
            if (level !== SOL_SOCKET) return real.setsockopt(fd, level, option, value, bytes);
            options.push(option);
            return allowed ? 0 : -1;
          },
          getsockopt(_fd, _level, _option, value) {
            value[0] = allowed ? 2 * RECEIVE_BUFFER_BYTES : 212_992;
            return 0;
          },
        })),
      );
      const logger = { ...silentLogger, debug: note, info: note };
      const socket = await bindBatched(engine, { clock: systemClock, logger }, ['127.0.0.1'], 0);
      const both = [SO_RCVBUFFORCE, SO_RCVBUF, SO_SNDBUFFORCE, SO_SNDBUF];
      t.same(options, allowed ? [SO_RCVBUFFORCE, SO_SNDBUFFORCE] : both);
      t.equal(lines.length, 1);
      t.equal(lines[0].bytes, allowed ? 2 * RECEIVE_BUFFER_BYTES : 212_992);
      t.equal(/raise net\.core\.rmem_max/.test(lines[0].message), !allowed);
      await socket.close();
    }
  },
);
