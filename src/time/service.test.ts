import t, { type Test } from 'tap';
import { silentLogger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import { letRun, virtualNetwork } from '../base/testing/virtual-network.ts';
import { VirtualTime } from '../base/virtual-clock.ts';
import { CONNECTIONS_MAX, TimeService, timeBytes } from './service.ts';

/** 2004-01-01 00:00:00 UTC, which RFC 868 counts as 3,281,904,000. */
const AT = 1_072_915_200_000_000;
const RFC = 3_281_904_000;

async function serve(t: Test, offset = 0) {
  const { time, a, b } = virtualNetwork();
  t.teardown(letRun(time));
  const clock = time.clock({ wall: AT });
  const [net, far] = [a.process(clock), b.process(time.clock())];
  const service = await TimeService.open({ net, clock, logger: silentLogger, addresses: [], port: 37, offset });
  return { time, service, far };
}

t.test('seconds since 1900, as RFC 868 has them, with an offset, and beyond 2036', async (t) => {
  const clock = new VirtualTime().clock({ wall: AT + 999_999 });
  t.equal(timeBytes(clock, 0).readUInt32BE(), RFC);
  t.equal(timeBytes(clock, -RFC).readUInt32BE(), 0);
  t.equal(timeBytes(clock, 3600).readUInt32BE(), RFC + 3600);
  t.equal(timeBytes(clock, 2 ** 31 - 1).readUInt32BE(), RFC + 2 ** 31 - 1 - 2 ** 32);
});

t.test('UDP: any datagram is answered with four bytes; none that comes from a port which answers', async (t) => {
  const { far } = await serve(t, -86_400);
  const to = { address: '10.0.0.1', port: 37 };
  const heard: number[] = [];
  const next = Promise.withResolvers<Buffer>();
  for (const port of [7, 13, 17, 19, 37]) {
    const socket = await far.bindDatagram(['10.0.0.2'], port);
    socket.onMessage(() => heard.push(port));
    socket.send(Buffer.alloc(1), to);
  }
  const socket = await far.bindDatagram(['10.0.0.2'], 0);
  socket.onMessage((data, from) => next.resolve(Buffer.concat([data, Buffer.from(`${from.port}`)])));
  socket.send(Buffer.alloc(0), to);
  const answer = await next.promise;
  t.ok(Math.abs(answer.readUInt32BE() - (RFC - 86_400)) <= 1);
  t.equal(answer.toString('latin1', 4), '37');
  t.same(heard, []);
});

t.test('TCP: four bytes, then the end; CONNECTIONS_MAX at a time, and who stays is cut off', async (t) => {
  const { far } = await serve(t);
  const to: Endpoint = { address: '10.0.0.1', port: 37 };
  const ask = async (): Promise<string> => {
    const stream = await far.connect(to);
    const got: Buffer[] = [];
    const over = Promise.withResolvers<void>();
    stream.onData((data) => got.push(data));
    // Who listens for the peer's end keeps his own open.
    stream.onEnd(() => {});
    stream.onClose(() => over.resolve());
    await over.promise;
    return `${Buffer.concat(got).length}`;
  };
  const answers = await Promise.all(Array.from({ length: CONNECTIONS_MAX + 3 }, ask));
  t.same(answers.filter((length) => length === '4').length, CONNECTIONS_MAX);
  t.same(answers.filter((length) => length === '0').length, 3);
  t.equal(await ask(), '4', 'there is room again');
});
