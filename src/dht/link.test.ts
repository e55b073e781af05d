import t, { type Test } from 'tap';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import type { Endpoint, Net, Stream } from '../base/net.ts';
import { seededRandom } from '../base/random.ts';
import { systemNet } from '../base/system-net.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import type { RpcClient } from '../rpc/client.ts';
import { RpcServer } from '../rpc/server.ts';
import { ECHO_MAX, echo, makeEcho } from '../rpc/testing/echo.ts';
import { ANSWER_MS, BACK_OFF_FIRST_MS, BACK_OFF_MAX_MS, CALLS_MAX, Link, type LinkOptions } from './link.ts';
import { DeniedError } from './programs/result.ts';

/** Tries and connections of a link, and a way to break them. */
function watchedNet() {
  const tried: Endpoint[] = [];
  const streams: Stream[] = [];
  let refuse = false;
  const net: Net = {
    ...systemNet,
    async connect(to, options) {
      tried.push(to);
      if (refuse) throw new Error('connection refused by the test');
      const stream = await systemNet.connect(to, options);
      streams.push(stream);
      return stream;
    },
  };
  return {
    net,
    tried,
    streams,
    refuse(yes: boolean) {
      refuse = yes;
    },
  };
}

async function served(t: Test, options: Partial<LinkOptions> = {}) {
  const program = makeEcho();
  const server = new RpcServer({
    net: systemNet,
    clock: systemClock,
    logger: silentLogger,
    bounds: { inFlightPerClient: 2000, inFlight: 2000 },
  });
  const { port } = await server.listen({
    programs: [program.program],
    addresses: ['127.0.0.1'],
    port: 0,
    transports: ['tcp'],
  });
  const watched = watchedNet();
  const clock = manualClock();
  const to = [{ address: '127.0.0.1', port }];
  const link = new Link({
    ...{ net: watched.net, clock, random: seededRandom(1), name: 'gromit', to, replyBytes: 2 * ECHO_MAX },
    ...options,
  });
  t.teardown(async () => {
    await link.close();
    for (const held of [...program.held]) held.release();
    await server.stop();
  });
  return { ...watched, program, clock, link, port };
}

const bytes = Buffer.from('hello');
const ask = (link: Link) => link.call(echo.ECHO, bytes);

t.test('it connects at the first call, once, and for all calls', async (t) => {
  const { link, tried } = await served(t);
  t.equal(tried.length, 0);
  t.strictSame(await Promise.all([ask(link), ask(link), ask(link)]), [bytes, bytes, bytes]);
  await ask(link);
  t.equal(tried.length, 1);
  t.match(link.figures, {
    connected: true,
    connects: 1,
    failures: 0,
    calls: 4,
    failed: 0,
    inFlight: 0,
    lastError: null,
  });
});

t.test('when it breaks, calls under way are rejected at once, and the next one connects again', async (t) => {
  const { link, streams, program, tried } = await served(t);
  const waiting = [link.call(echo.WAIT, bytes), link.call(echo.WAIT, Buffer.from('more'))];
  await program.whenHeld(2);
  streams[0]!.destroy();
  for (const call of waiting) {
    await t.rejects(call, {
      name: 'RetryError',
      message: /gromit did not answer: .*closed/,
      cause: { kind: 'CLOSED' },
    });
  }
  t.match(link.figures, { connected: false, failed: 2, inFlight: 0 });
  t.strictSame(await ask(link), bytes);
  t.equal(tried.length, 2);
});

t.test('while no connection can be made, calls are rejected at once, and tries come at growing pauses', async (t) => {
  const { link, refuse, tried, clock } = await served(t);
  refuse(true);
  const message = /gromit did not answer: connection refused by the test; the next try is in \d+ ms/;
  const pauses: number[] = [];
  for (let tries = 1; tries <= 12; tries++) {
    if (tries === 1) await t.rejects(ask(link), { name: 'RetryError', message: /refused by the test/ });
    t.equal(tried.length, tries);
    await t.rejects(ask(link), { name: 'RetryError', message });
    for (pauses.push(0); tried.length === tries; pauses[tries - 1]! += 5) {
      clock.advance(5);
      await ask(link).catch(() => {});
      if (pauses[tries - 1]! > 2 * BACK_OFF_MAX_MS) throw new Error('no further try');
    }
  }
  t.ok(pauses[0]! >= BACK_OFF_FIRST_MS / 2, `the first is ${pauses[0]} ms`);
  t.ok(Math.max(...pauses) <= BACK_OFF_MAX_MS + 5 && Math.max(...pauses) >= BACK_OFF_MAX_MS / 2, `${pauses}`);
  refuse(false);
  clock.advance(BACK_OFF_MAX_MS);
  t.strictSame(await ask(link), bytes);
  t.match(link.figures, { connected: true, failures: 13 });
});

t.test('addresses are tried in their order', async (t) => {
  const closed = await systemNet.listen(['127.0.0.1'], 0);
  const nobody = closed.local[0]!;
  await closed.close();
  const { link, tried, port } = await served(t);
  const two = new Link({
    net: systemNet,
    clock: manualClock(),
    random: seededRandom(1),
    name: 'gromit',
    to: [nobody, { address: '127.0.0.1', port }],
    replyBytes: 2 * ECHO_MAX,
  });
  t.strictSame(await ask(two), bytes);
  await two.close();
  t.equal(tried.length, 0);
  t.strictSame(await ask(link), bytes);
  const none = new Link({
    net: systemNet,
    clock: manualClock(),
    random: seededRandom(1),
    name: 'x',
    to: [],
    replyBytes: 9,
  });
  await t.rejects(ask(none), { name: 'RetryError', message: /no address/ });
});

t.test('without an answer for ANSWER_MS the connection is given up, with all that waits on it', async (t) => {
  const { link, program, clock, tried } = await served(t);
  const first = link.call(echo.WAIT, bytes);
  await program.whenHeld(1);
  clock.advance(ANSWER_MS - 1);
  const second = link.call(echo.WAIT, Buffer.from('later'));
  await program.whenHeld(2);
  clock.advance(1);
  await t.rejects(first, { name: 'RetryError', cause: { kind: 'TIMEOUT' } });
  await t.rejects(second, { name: 'RetryError', cause: { kind: 'CLOSED' } });
  t.strictSame(await ask(link), bytes);
  t.equal(tried.length, 2);
});

t.test('a call may be more patient than others', async (t) => {
  const { link, program, clock } = await served(t);
  const call = link.call(echo.WAIT, bytes, { patience: { timeoutMs: 3 * ANSWER_MS, tries: 1 } });
  await program.whenHeld(1);
  clock.advance(2 * ANSWER_MS);
  program.held[0]!.release();
  t.strictSame(await call, bytes);
});

t.test('CALLS_MAX calls are under way at most', async (t) => {
  const { link, program } = await served(t);
  const calls = Array.from({ length: CALLS_MAX }, (_, at) => link.call(echo.WAIT, Buffer.from(`${at}`)));
  await t.rejects(ask(link), { name: 'RetryError', message: new RegExp(`${CALLS_MAX} calls are under way`) });
  await program.whenHeld(CALLS_MAX);
  for (const held of [...program.held]) held.release();
  t.equal((await Promise.all(calls)).length, CALLS_MAX);
  t.strictSame(await ask(link), bytes);
});

t.test('a new connection is greeted first; when that is refused nothing else is asked over it', async (t) => {
  let denied = true;
  let greeted = 0;
  const { link, program, clock } = await served(t, {
    async greet(caller) {
      greeted += 1;
      await caller.call(echo.NULL, undefined);
      if (denied) throw new DeniedError('the clock of gromit is 9.0 s ahead');
    },
  });
  await t.rejects(ask(link), { name: 'RetryError', message: /9\.0 s ahead/, cause: { name: 'DeniedError' } });
  await t.rejects(ask(link), /9\.0 s ahead; the next try/);
  t.match(link.figures, { connected: false, failures: 1, failed: 2, lastError: /9\.0 s ahead/ });
  t.equal(program.calls.length, 0);
  denied = false;
  clock.advance(BACK_OFF_MAX_MS);
  t.strictSame(await Promise.all([ask(link), ask(link)]), [bytes, bytes]);
  t.equal(greeted, 2);
});

t.test('a connection that goes just when its greeting is answered is not taken up', async (t) => {
  let close = true;
  const { link, clock } = await served(t, {
    async greet(caller) {
      await caller.call(echo.NULL, undefined);
      if (close) await (caller as RpcClient).close();
    },
  });
  await t.rejects(ask(link), { name: 'RetryError', message: /the connection was closed/ });
  t.match(link.figures, { connected: false, failures: 1 });
  close = false;
  clock.advance(BACK_OFF_MAX_MS);
  t.strictSame(await ask(link), bytes);
});

t.test("errors of the other side are no answers; arguments that do not fit are the caller's own", async (t) => {
  const { link } = await served(t);
  await t.rejects(link.call(echo.FAIL, undefined), { name: 'RetryError', cause: { kind: 'SYSTEM_ERR' } });
  await t.rejects(link.call(echo.ECHO, Buffer.alloc(ECHO_MAX + 1)), { name: 'XdrError' });
  t.match(link.figures, { connected: true, inFlight: 0 });
});

t.test('closed, it rejects what is under way and all that comes', async (t) => {
  const { link, program } = await served(t);
  const call = link.call(echo.WAIT, bytes);
  await program.whenHeld(1);
  const rejected = t.rejects(call, { name: 'RetryError' });
  await link.close();
  await rejected;
  await t.rejects(ask(link), { name: 'RetryError', message: /closed/ });
});
