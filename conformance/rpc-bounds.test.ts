import t from 'tap';
import { manualClock } from '../src/base/testing/manual-clock.ts';
import { DEFAULT_BOUNDS } from '../src/rpc/bounds.ts';
import type { RpcClient } from '../src/rpc/client.ts';
import { TcpTransport } from '../src/rpc/client-transport.ts';
import { echo } from '../src/rpc/testing/echo.ts';
import { serve } from './lib/rpc-service.ts';

const patience = { timeoutMs: 20_000, tries: 1 };

function tcpOf(client: RpcClient): TcpTransport {
  if (client.transport instanceof TcpTransport) return client.transport;
  throw new Error('not over TCP');
}

/** Lets the event loop run until `done` says so. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

t.test('an idle connection is closed, one with a call under way or a recent one is not', async (t) => {
  const clock = manualClock();
  const service = await serve(t, { clock, bounds: { idleMs: 1000 } });
  const [idle, busy, recent, half] = await Promise.all([1, 2, 3, 4].map(() => service.client('tcp')));
  await Promise.all([idle, recent].map((client) => client?.call(echo.NULL, undefined, { patience })));
  const waiting = busy!.call(echo.WAIT, Buffer.from('w'), { patience });
  await service.whenHeld(1);
  clock.advance(900);
  await recent!.call(echo.NULL, undefined, { patience });
  half!.transport.sendRaw(Buffer.from('80', 'hex'));
  clock.advance(350);
  await Promise.all([tcpOf(idle!).gone, tcpOf(half!).gone]);
  t.equal(service.server.connections, 2, 'half a record is no call');
  service.held[0]?.release();
  t.equal((await waiting).toString(), 'w');
  await recent!.call(echo.NULL, undefined, { patience });
});

t.test('a connection that takes none of its replies is closed after a while', async (t) => {
  const clock = manualClock();
  const service = await serve(t, { clock, bounds: { stallMs: 1000, queuedBytes: 1e9 } });
  const client = await service.client('tcp');
  tcpOf(client).stream.pause();
  const asked = Array.from({ length: 30 }, () => client.call(echo.BULK, 1_000_000, { patience }));
  const outcome = Promise.allSettled(asked);
  await service.whenReported(1);
  for (let n = 0; n < 12; n++) clock.advance(250);
  await until(() => service.server.connections === 0);
  t.match(service.log.join(), /took none of its replies for 1000 ms/);
  tcpOf(client).stream.resume();
  t.ok((await outcome).some((one) => one.status === 'rejected'));
});

t.test('replies that are queued for a slow reader are bounded in bytes', async (t) => {
  const service = await serve(t, { bounds: { queuedBytes: 1_000_000 } });
  const client = await service.client('tcp');
  tcpOf(client).stream.pause();
  const asked = client.call(echo.BULK, 9_000_000, { patience });
  const refused = t.rejects(asked, { name: 'RpcError' });
  await until(() => service.server.connections === 0 && service.connections.length > 0);
  t.match(service.log.join(), /bytes of replies were not taken/);
  tcpOf(client).stream.resume();
  await refused;
});

t.test('stop waits for calls under way no longer than its bound', async (t) => {
  const clock = manualClock();
  const service = await serve(t, { clock, bounds: { stopMs: 5000 } });
  const client = await service.client('tcp');
  const lost = t.rejects(client.call(echo.WAIT, Buffer.from('x'), { patience }), { name: 'RpcError' });
  await service.whenHeld(1);
  const stopped = service.server.stop();
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5000);
  await stopped;
  await lost;
  t.match(service.log.join(), /stopped without waiting any longer/);
  service.held[0]?.release();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(service.server.inFlight, 0, 'an answer that comes too late harms nobody');
});

t.test('a record of more fragments than the bound closes the connection', async (t) => {
  const service = await serve(t, { bounds: { fragments: 4 } });
  const client = await service.client('tcp');
  client.transport.sendRaw(Buffer.alloc(5 * 4));
  await tcpOf(client).gone;
  t.match(service.log.join(), /a record of more than 4 fragments/);
});

t.test('every bound has a default that is finite', async (t) => {
  for (const [name, value] of Object.entries(DEFAULT_BOUNDS)) t.ok(value > 0 && Number.isFinite(value), name);
});
