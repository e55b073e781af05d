import { once } from 'node:events';
import { varOpaque, void as xdrVoid } from '@stellar/js-xdr';
import t from 'tap';
import { hostAddresses } from '../src/base/net/address.ts';
import type { RpcClient } from '../src/rpc/client.ts';
import type { RpcCredential } from '../src/rpc/program.ts';
import { LAST_FRAGMENT } from '../src/rpc/record.ts';
import { ECHO_PROGRAM, echo } from '../src/rpc/testing/echo.ts';
import { compile } from '../src/rpc/xdr.ts';
import { serve } from './lib/rpc-service.ts';
import { Accept, opaque, TcpWire } from './lib/wire.ts';

const transports = ['udp', 'tcp'] as const;
const patience = { timeoutMs: 20_000, tries: 1 };
const hasIPv6 = hostAddresses().includes('::1');

function words(...list: number[]): Buffer {
  const out = Buffer.alloc(list.length * 4);
  for (const [n, word] of list.entries()) out.writeUInt32BE(word >>> 0, n * 4);
  return out;
}

function failure(kind: string, more: object = {}): { name: string } {
  return { name: 'RpcError', kind, ...more } as { name: string };
}

function fragment(bytes: Buffer, last = true): Buffer {
  return Buffer.concat([words(bytes.length + (last ? LAST_FRAGMENT : 0)), bytes]);
}

/** Sends a whole message and returns the reply's words. */
async function ask(client: RpcClient, message: Buffer): Promise<number[]> {
  const reply = await client.transport.exchange(message, patience);
  return Array.from({ length: reply.length / 4 }, (_, n) => reply.readUInt32BE(n * 4));
}

for (const transport of transports) {
  t.test(`RFC 5531 §9: every status of a reply, over ${transport}`, async (t) => {
    const service = await serve(t);
    const client = await service.client(transport);
    const call = (program: number, version: number, procedure: number, ...rest: number[]) =>
      ask(client, words(7, 0, 2, program, version, procedure, 0, 0, 0, 0, ...rest));
    const accepted = [7, 1, 0, 0, 0];
    t.same(
      await call(ECHO_PROGRAM, 2, 0),
      [...accepted, 0],
      'SUCCESS, with a verifier AUTH_NONE of length 0 (FIELD 16)',
    );
    t.same(await call(ECHO_PROGRAM, 4, 1, 4, 0x61626364), [...accepted, 0, 4, 0x61626364], 'SUCCESS with a result');
    t.same(await call(99, 2, 0), [...accepted, 1], 'PROG_UNAVAIL');
    t.same(await call(ECHO_PROGRAM, 1, 0), [...accepted, 2, 2, 4], 'PROG_MISMATCH with low and high');
    t.same(await call(ECHO_PROGRAM, 3, 0), [...accepted, 2, 2, 4], 'PROG_MISMATCH between versions');
    t.same(await call(ECHO_PROGRAM, 2, 99), [...accepted, 3], 'PROC_UNAVAIL');
    t.same(await call(ECHO_PROGRAM, 2, 1), [...accepted, 4], 'GARBAGE_ARGS: none');
    t.same(await call(ECHO_PROGRAM, 2, 1, 8, 0), [...accepted, 4], 'GARBAGE_ARGS: short');
    t.same(await call(ECHO_PROGRAM, 2, 1, 4, 0, 0), [...accepted, 4], 'GARBAGE_ARGS: bytes left over');
    t.same(await call(ECHO_PROGRAM, 2, 0, 1), [...accepted, 4], 'GARBAGE_ARGS: arguments where there are none');
    t.same(await call(ECHO_PROGRAM, 2, 3), [...accepted, 5], 'SYSTEM_ERR');
    t.same(await call(ECHO_PROGRAM, 2, 7), [...accepted, 5], 'SYSTEM_ERR, later');
    t.match(service.log[0], /SYSTEM_ERR.*"procedure":"FAIL"/, 'and a line in the log');
    t.same(await call(ECHO_PROGRAM, 2, 5), [7, 1, 1, 1, 5], 'AUTH_ERROR that a procedure threw');
    t.same(
      await ask(client, words(7, 0, 3, ECHO_PROGRAM, 2, 0, 0, 0, 0, 0)),
      [7, 1, 1, 0, 2, 2],
      'RPC_MISMATCH 2 to 2',
    );
    t.same(await ask(client, words(7, 0, 3)), [7, 1, 1, 0, 2, 2], 'RPC_MISMATCH on the first words alone');
    const auth = (...rest: number[]) => ask(client, words(7, 0, 2, ECHO_PROGRAM, 2, 0, ...rest));
    t.same(await auth(6, 0, 0, 0), [7, 1, 1, 1, 2], 'AUTH_ERROR, AUTH_REJECTEDCRED: another flavor');
    t.same(await auth(1, 4, 0, 0, 0), [7, 1, 1, 1, 1], 'AUTH_ERROR, AUTH_BADCRED: malformed AUTH_UNIX');
    t.same(await auth(0, 0), [7, 1, 1, 1, 3], 'AUTH_ERROR, AUTH_BADVERF: no verifier');
    t.same(
      new Set(service.reports.map((report) => report.outcome)),
      new Set([
        'SUCCESS',
        'PROG_UNAVAIL',
        'PROG_MISMATCH',
        'PROC_UNAVAIL',
        'GARBAGE_ARGS',
        'SYSTEM_ERR',
        'AUTH_ERROR',
        'RPC_MISMATCH',
      ]),
    );
  });

  t.test(`no answer to replies, scraps and dropped calls, over ${transport}`, async (t) => {
    const service = await serve(t);
    const client = await service.client(transport);
    const send = (bytes: Buffer) => client.transport.sendRaw(transport === 'udp' ? bytes : fragment(bytes));
    for (const scrap of [Buffer.alloc(0), Buffer.alloc(3), words(1), words(7, 1, 0, 0, 0, 0), words(7, 0, 2, 9)])
      send(scrap);
    send(words(8, 0, 2, ECHO_PROGRAM, 2, 4, 0, 0, 0, 0));
    t.same(await client.call(echo.ECHO, Buffer.from('still here'), { patience }), Buffer.from('still here'));
    t.same(
      service.reports.map((report) => report.outcome),
      ['DROPPED', 'SUCCESS'],
    );
  });

  t.test(`the caller that a procedure sees, over ${transport}`, async (t) => {
    const service = await serve(t, { addresses: [] });
    const credential: RpcCredential = {
      flavor: 'unix',
      stamp: 5,
      machine: Buffer.from('atlas'),
      uid: 1000,
      gid: 100,
      gids: [100, 4, 20],
    };
    for (const address of hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
      const client = await service.client(transport, { to: { address, port: service.port }, credential });
      await client.call(echo.ECHO, Buffer.from('x'), { xid: 0xfffffffe, patience });
      const seen = service.calls.at(-1)!;
      t.equal(seen.transport, transport);
      t.equal(seen.client.address, address, 'IPv4-mapped addresses are normalised');
      t.equal(seen.client.port, client.local.port);
      t.same(seen.server, { address, port: service.port });
      t.equal(seen.xid, 0xfffffffe);
      t.same(seen.credential, credential);
    }
  });

  t.test(`a duplicate of a call under way is dropped, not run twice, over ${transport}`, async (t) => {
    const service = await serve(t);
    const client = await service.client(transport);
    const message = client.encode(echo.WAIT, Buffer.from('once'), { xid: 1 });
    const other = client.encode(echo.WAIT, Buffer.from('else'), { xid: 1 });
    const reply = client.transport.exchange(message, patience);
    await service.whenHeld(1);
    const raw = (bytes: Buffer) => client.transport.sendRaw(transport === 'udp' ? bytes : fragment(bytes));
    raw(message);
    await service.whenReported(1);
    t.equal(service.reports[0]?.outcome, 'DUPLICATE');
    raw(other);
    await service.whenHeld(2);
    t.same(
      service.held.map((held) => held.argument.toString()),
      ['once', 'else'],
      'the same xid with other arguments is another call (FIELD 15)',
    );
    t.not(service.held[0]?.call.replayIdentity(), service.held[1]?.call.replayIdentity());
    service.held[0]?.release();
    t.ok((await reply).length > 0);
    await service.whenReported(2);
    raw(message);
    await service.whenHeld(2);
    t.equal(service.held[1]?.argument.toString(), 'once', 'what has ended may be asked again');
  });

  t.test(`calls are answered as they end, not as they came, over ${transport}`, async (t) => {
    const service = await serve(t);
    const client = await service.client(transport);
    const slow = client.call(echo.WAIT, Buffer.from('slow'), { patience });
    await service.whenHeld(1);
    t.equal((await client.call(echo.ECHO, Buffer.from('quick'), { patience })).toString(), 'quick');
    service.held[0]?.release();
    t.equal((await slow).toString(), 'slow');
  });
}

t.test('a UDP reply leaves from the address that the request came to', async (t) => {
  const service = await serve(t, { addresses: [] });
  for (const address of hostAddresses().filter((one) => !one.includes('%'))) {
    // From another of this host's addresses, so that the right one is not the host's own choice.
    const localAddress = address.includes(':') ? '::1' : '127.0.0.9';
    const client = await service.client('udp', { to: { address, port: service.port }, localAddress });
    t.equal((await client.call(echo.ECHO, Buffer.from(address), { patience })).toString(), address);
  }
});

t.test('UDP: a reply that fits no datagram is a SYSTEM_ERR', async (t) => {
  const service = await serve(t);
  const client = await service.client('udp');
  t.equal((await client.call(echo.BULK, 60_000, { patience })).length, 60_000);
  await t.rejects(client.call(echo.BULK, 65_600, { patience }), failure('SYSTEM_ERR'));
});

t.test('RFC 5531 §11: a call in fragments, byte by byte, and many calls in one write', async (t) => {
  const service = await serve(t);
  const client = await service.client('tcp');
  const message = client.encode(echo.ECHO, Buffer.from('in pieces'));
  const parts = [0, 1, 9, 9, 40, message.length].map((at, n, all) => message.subarray(all[n - 1] ?? 0, at));
  const stream = Buffer.concat(parts.map((part, n) => fragment(part, n === parts.length - 1)));
  for (const byte of stream) client.transport.sendRaw(Buffer.from([byte]));
  await service.whenReported(1);
  t.equal(service.reports[0]?.outcome, 'SUCCESS');
  const asked = Array.from({ length: 200 }, (_, n) => client.call(echo.ECHO, Buffer.from(String(n)), { patience }));
  t.same(
    (await Promise.all(asked)).map((reply) => reply.toString()),
    asked.map((_, n) => String(n)),
  );
});

t.test('half a record, or garbage, on one connection disturbs no other', async (t) => {
  const service = await serve(t);
  const [half, garbage, good, datagrams] = await Promise.all([
    service.client('tcp'),
    service.client('tcp'),
    service.client('tcp'),
    service.client('udp'),
  ]);
  const message = half.encode(echo.ECHO, Buffer.from('late'), { xid: 5 });
  half.transport.sendRaw(fragment(message).subarray(0, 30));
  const waiting = garbage.call(echo.WAIT, Buffer.alloc(0), { patience });
  garbage.transport.sendRaw(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await t.rejects(waiting, failure('CLOSED'));
  t.match(service.log.join(), /a connection was closed.*a record of \d+ bytes, above 65536/);
  for (const client of [good, datagrams]) {
    t.equal((await client.call(echo.ECHO, Buffer.from('fine'), { patience })).toString(), 'fine');
  }
  half.transport.sendRaw(fragment(message).subarray(30));
  await service.whenReported(3);
  t.equal(service.reports.at(-1)?.outcome, 'SUCCESS', 'the other half comes later');
});

t.test('a record at its bound is taken, one above it closes the connection', async (t) => {
  const service = await serve(t, { bounds: { recordBytes: 1044 } });
  const client = await service.client('tcp');
  t.equal((await client.call(echo.ECHO, Buffer.alloc(1000), { patience })).length, 1000);
  await t.rejects(client.call(echo.ECHO, Buffer.alloc(1004), { patience }), failure('CLOSED'));
  t.match(service.log.join(), /a record of 1048 bytes, above 1044/);
});

t.test('calls before a broken record are still answered', async (t) => {
  const service = await serve(t);
  const client = await service.client('tcp');
  const message = client.encode(echo.ECHO, Buffer.from('first'), { xid: 3 });
  const reply = client.transport.exchange(message, patience);
  client.transport.sendRaw(words(0x7fffffff));
  t.ok((await reply).length > 0);
  await t.rejects(client.call(echo.NULL, undefined, { patience }), failure('CLOSED'));
});

t.test('TCP: a client that has closed its side after its last call still gets the answer, then the end', async (t) => {
  const service = await serve(t);
  const wire = await TcpWire.open(service.port);
  t.teardown(() => wire.close());
  const closed = once(wire.socket, 'close');
  const answer = wire.call({ xid: 5, program: ECHO_PROGRAM, version: 2, procedure: 2, args: opaque('late') });
  const ended = once(wire.socket, 'finish');
  wire.socket.end();
  await Promise.all([ended, service.whenHeld(1)]);
  // What comes later over another connection has been seen later.
  await (await service.client('tcp')).call(echo.NULL, undefined, { patience });
  service.held[0]!.release();
  t.match(await answer, { denied: false, status: Accept.SUCCESS, results: opaque('late') });
  await closed;
});

t.test('TCP: calls under way are bounded by connection: the rest waits unread and is lost to nobody', async (t) => {
  const service = await serve(t, { bounds: { inFlightPerClient: 3 } });
  const [client, other] = [await service.client('tcp'), await service.client('tcp')];
  const asked = Array.from({ length: 10 }, (_, n) => client.call(echo.WAIT, Buffer.from(String(n)), { patience }));
  await service.whenHeld(3);
  t.equal((await other.call(echo.ECHO, Buffer.from('x'), { patience })).toString(), 'x', 'others are served');
  t.equal(service.server.inFlight, 3);
  for (let n = 0; n < 10; n++) {
    await service.whenHeld(1);
    t.ok(service.held.length <= 3);
    service.held[0]?.release();
    t.equal((await asked[n])?.toString(), String(n));
  }
});

t.test('calls under way are bounded in all: connections wait for their turn, datagrams are dropped', async (t) => {
  const service = await serve(t, { bounds: { inFlight: 2 } });
  const clients = await Promise.all([1, 2, 3].map(() => service.client('tcp')));
  const asked = clients.map((client, n) => client.call(echo.WAIT, Buffer.from(String(n)), { patience }));
  await service.whenHeld(2);
  const udp = await service.client('udp');
  const retried = udp.call(echo.ECHO, Buffer.from('again'), { patience: { timeoutMs: 50, tries: 10 } });
  await service.whenReported(1);
  t.equal(service.reports[0]?.outcome, 'OVERLOAD');
  t.match(service.log.join(), /too many calls under way: a datagram was dropped/);
  t.equal(service.server.inFlight, 2);
  for (let n = 0; n < 3; n++) {
    await service.whenHeld(1);
    service.held[0]?.release();
  }
  await Promise.all(asked);
  t.equal((await retried).toString(), 'again', 'a retransmission comes through');
});

t.test('UDP: calls under way are bounded by client address', async (t) => {
  const service = await serve(t, { addresses: [], bounds: { inFlightPerClient: 1 } });
  const client = await service.client('udp');
  const first = client.call(echo.WAIT, Buffer.from('1'), { patience });
  await service.whenHeld(1);
  await t.rejects(client.call(echo.NULL, undefined, { patience: { timeoutMs: 20, tries: 1 } }), failure('TIMEOUT'));
  const other = await service.client('udp', { localAddress: '127.0.0.2' });
  t.equal(await other.call(echo.NULL, undefined, { patience }), undefined, 'another address is served');
  service.held[0]?.release();
  await first;
  t.equal(await client.call(echo.NULL, undefined, { patience }), undefined);
});

t.test('connections are bounded in all and by address', async (t) => {
  const service = await serve(t, { addresses: [], bounds: { connections: 3, connectionsPerAddress: 2 } });
  const call = (client: RpcClient) => client.call(echo.NULL, undefined, { patience });
  const open = async (localAddress: string) => service.client('tcp', { localAddress });
  const first = await open('127.0.0.1');
  await call(first);
  await call(await open('127.0.0.1'));
  await t.rejects(open('127.0.0.1').then(call), failure('CLOSED'), 'a third from one address');
  await call(await open('127.0.0.2'));
  await t.rejects(open('127.0.0.3').then(call), failure('CLOSED'), 'a fourth in all');
  t.same(service.connections, ['opened', 'opened', 'refused', 'opened', 'refused']);
  t.match(service.log.join(), /too many connections: one was refused/);
  await call(first);
});

t.test('a client that does not take its replies is not read from any more', async (t) => {
  const service = await serve(t);
  const [slow, other] = [await service.client('tcp'), await service.client('tcp')];
  const size = 1_000_000;
  const calls = 60;
  // The client's own end is not read until all calls have been sent and the server has stopped answering.
  const gone = slowReader(slow);
  const asked = Array.from({ length: calls }, () => slow.call(echo.BULK, size, { patience }));
  await service.whenReported(1);
  t.equal((await other.call(echo.ECHO, Buffer.from('x'), { patience })).toString(), 'x');
  const answered = service.reports.filter((report) => report.replyBytes > size).length;
  t.ok(answered < calls, `${answered} of ${calls} were made before the server waited for the reader`);
  gone.resume();
  for (const reply of await Promise.all(asked)) t.equal(reply.length, size);
});

/** Holds back what a client receives. */
function slowReader(client: RpcClient): { resume(): void } {
  const { stream } = client.transport as unknown as { stream: { pause(): void; resume(): void } };
  stream.pause();
  return { resume: () => stream.resume() };
}

t.test('the typed client names what went wrong', async (t) => {
  const service = await serve(t);
  const client = await service.client('tcp');
  await t.rejects(client.call({ ...echo.NULL, program: 9 }, undefined), failure('PROG_UNAVAIL'));
  await t.rejects(client.call({ ...echo.NULL, version: 9 }, undefined), failure('PROG_MISMATCH', { low: 2, high: 4 }));
  await t.rejects(client.call({ ...echo.NULL, procedure: 9 }, undefined), failure('PROC_UNAVAIL'));
  await t.rejects(client.call({ ...echo.ECHO, arguments: compile(xdrVoid()) }, undefined), failure('GARBAGE_ARGS'));
  await t.rejects(client.call(echo.REFUSE, undefined), failure('AUTH_ERROR', { authStat: 5 }));
  await t.rejects(client.call({ ...echo.ECHO, result: compile(xdrVoid()) }, Buffer.from('x')), failure('BAD_REPLY'));
  await t.rejects(client.call({ ...echo.NULL, result: compile(varOpaque(9)) }, undefined), failure('BAD_REPLY'));
});

t.test('stop answers what is under way, takes nothing new, and closes', async (t) => {
  const service = await serve(t);
  const [tcp, udp] = [await service.client('tcp'), await service.client('udp')];
  const [overTcp, overUdp] = [tcp, udp].map((client) => client.call(echo.WAIT, Buffer.from('end'), { patience }));
  await service.whenHeld(2);
  const stopped = service.server.stop();
  const late = tcp.call(echo.ECHO, Buffer.from('late'), { patience });
  const refused = t.rejects(late, failure('CLOSED'), 'what comes now is not taken');
  for (const held of [...service.held]) held.release();
  t.equal((await overTcp)?.toString(), 'end');
  t.equal((await overUdp)?.toString(), 'end');
  await stopped;
  await refused;
  t.equal(service.server.connections, 0);
  await t.rejects(service.client('tcp'), { code: 'ECONNREFUSED' });
  await t.rejects(service.server.listen({ programs: [], port: 0 }), /has been stopped/);
});
