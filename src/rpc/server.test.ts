import t, { type Test } from 'tap';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import type { RpcBounds } from './bounds.ts';
import { writeCallHeader } from './message.ts';
import { LAST_FRAGMENT } from './record.ts';
import { RpcServer } from './server.ts';
import { TURN_CALLS_MAX, TURN_MS_MAX } from './tcp.ts';
import { ECHO_PROGRAM, makeEcho } from './testing/echo.ts';
import { type FakeStream, fakeNet } from './testing/fake-stream.ts';
import { XdrWriter } from './xdr.ts';

const ECHO = 1;
const WAIT = 2;
/** Bytes of a reply's record without the result. */
const REPLY_HEAD = 28;

/** A record that calls ECHO or WAIT. */
function call(xid: number, procedure: number, text: string): Buffer {
  const writer = new XdrWriter();
  const mark = writer.reserve(4);
  writeCallHeader(writer, { xid, program: ECHO_PROGRAM, version: 2, procedure }, 0, Buffer.alloc(0));
  writer.varOpaque(Buffer.from(text));
  writer.patchU32(mark, (LAST_FRAGMENT | (writer.position - 4)) >>> 0);
  return writer.copy();
}

async function start(t: Test, bounds: Partial<RpcBounds> = {}, clock: Clock = manualClock()) {
  const echo = makeEcho();
  const { net, connect } = fakeNet();
  const server = new RpcServer({ net, clock, logger: silentLogger, bounds });
  await server.listen({ programs: [echo.program], port: 2049, transports: ['tcp'] });
  t.teardown(() => {
    for (const held of [...echo.held]) held.release();
    return server.stop();
  });
  return { ...echo, connect, server };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Lets all promises that are settled be noticed, and what that brings leave at the end of the turn. */
async function settled(): Promise<void> {
  await turn();
  await turn();
}

t.test('answers that need no waiting leave before the receive returns, all of one receive in one write', async (t) => {
  const { connect } = await start(t);
  const stream = connect();
  stream.receive(Buffer.concat([call(1, ECHO, 'abcd'), call(2, ECHO, 'efgh'), call(3, ECHO, '')]));
  t.same(stream.done, [`write:${3 * REPLY_HEAD + 8 + 8 + 4}`]);
  const xids = [0, REPLY_HEAD + 8, 2 * (REPLY_HEAD + 8)].map((at) => stream.written[0]!.readUInt32BE(at + 4));
  t.same(xids, [1, 2, 3]);
});

t.test('answers that come later in one turn leave together', async (t) => {
  const { connect, held } = await start(t);
  const stream = connect();
  stream.receive(Buffer.concat([call(1, WAIT, 'a'), call(2, WAIT, 'b'), call(3, ECHO, 'c')]));
  t.same(stream.done, [`write:${REPLY_HEAD + 8}`]);
  for (const one of [...held]) one.release();
  await settled();
  t.same(stream.done.slice(1), [`write:${2 * (REPLY_HEAD + 8)}`]);
});

t.test('long answers that come later in one turn leave together, too', async (t) => {
  const { connect, held } = await start(t);
  const stream = connect();
  const text = 'x'.repeat(10_000);
  stream.receive(Buffer.concat([call(1, WAIT, text), call(2, WAIT, text)]));
  for (const one of [...held]) one.release();
  await settled();
  t.same(stream.done, [`write:${2 * (REPLY_HEAD + 4 + text.length)}`]);
});

t.test('replies that the host has not taken yet are not written over by later ones', async (t) => {
  const { connect } = await start(t);
  const slow = connect();
  const other = connect();
  const bodies = ['a', 'b', 'c'].map((letter) => letter.repeat(6000));
  const bodyOf = (reply: Buffer) => reply.toString('latin1', REPLY_HEAD + 4);
  slow.receive(call(1, ECHO, bodies[0]!));
  slow.taken = false;
  slow.receive(call(2, ECHO, bodies[1]!));
  other.receive(call(3, ECHO, bodies[2]!));
  slow.receive(call(4, ECHO, bodies[0]!));
  other.receive(call(5, ECHO, bodies[2]!));
  t.same(slow.written.map(bodyOf), [bodies[0], bodies[1], bodies[0]]);
  t.same(other.written.map(bodyOf), [bodies[2], bodies[2]]);
});

t.test(
  'a peer that reads too slowly is not read from, nor are its calls run, until its replies have left',
  async (t) => {
    const { connect, calls } = await start(t);
    const stream = connect();
    stream.full = true;
    stream.receive(call(1, ECHO, 'a'));
    t.same(stream.done, [`write:${REPLY_HEAD + 8}`, 'pause']);
    stream.receive(call(2, ECHO, 'b'));
    t.equal(calls.length, 1);
    stream.full = false;
    stream.drain();
    t.equal(calls.length, 2);
    t.same(stream.done.slice(2), [`write:${REPLY_HEAD + 8}`, 'resume']);
  },
);

t.test('the bound of calls under way stops the reading in the middle of what was received', async (t) => {
  const { connect, held } = await start(t, { inFlightPerClient: 2 });
  const stream = connect();
  stream.receive(Buffer.concat([1, 2, 3].map((xid) => call(xid, WAIT, String(xid)))));
  t.equal(held.length, 2);
  t.same(stream.done, ['pause']);
  held[0]?.release();
  await settled();
  t.same(
    held.map((one) => one.call.xid),
    [2, 3],
  );
  held[0]?.release();
  await settled();
  t.equal(stream.done.at(-1), `write:${REPLY_HEAD + 8}`);
  t.ok(stream.done.includes('resume'));
});

const NULL = 0;
/** A call of ECHO and its reply, with a text of four bytes. */
const echoed = (xid: number): Buffer => call(xid, ECHO, 'text');
const ECHOED_BYTES = REPLY_HEAD + 8;

/** The xids of the replies to `echoed`, in the order in which they left. */
function answered(stream: FakeStream): number[] {
  const bytes = Buffer.concat(stream.written);
  return Array.from({ length: bytes.length / ECHOED_BYTES }, (_, at) => bytes.readUInt32BE(at * ECHOED_BYTES + 4));
}

/** Calls that one connection sends at once, and how many of them are run before another one's. */
async function shared(t: Test, clock: Clock, sent: number): Promise<number> {
  const { connect, calls } = await start(t, {}, clock);
  const busy = connect();
  const other = connect();
  const xids = Array.from({ length: sent }, (_, at) => at + 1);
  busy.receive(Buffer.concat(xids.map(echoed)));
  const before = calls.length;
  t.same(busy.done.at(-1), 'pause', 'and it is not read from');
  other.receive(call(9999, NULL, ''));
  t.equal(other.written[0]?.readUInt32BE(4), 9999, 'the other one is answered meanwhile');
  t.equal(calls.length, before, 'the event loop must turn before the rest is looked at');
  busy.receive(echoed(sent + 1));
  t.equal(calls.length, before, 'also when more comes');
  while (calls.length <= sent) await settled();
  t.same(answered(busy), [...xids, sent + 1], 'all are answered, in their order');
  await settled();
  t.equal(
    busy.done.findLast((one) => /pause|resume/.test(one)),
    'resume',
  );
  return before;
}

t.test('one connection gets so many calls run in a turn, and the next one is answered before the rest', async (t) => {
  t.equal(await shared(t, manualClock(), 3 * TURN_CALLS_MAX + 1), TURN_CALLS_MAX);
});

t.test('one connection gets so much time of a turn, and the next one is answered before the rest', async (t) => {
  const clock = manualClock();
  let time = 0;
  // Each look at the clock is a quarter of a millisecond later; a call takes some of them.
  const ticking = { ...clock, monotonic: () => (time += 0.25) };
  const before = await shared(t, ticking, 20);
  t.ok(before > 0 && before <= TURN_MS_MAX / 0.25, `${before} calls`);
});

t.test('the share of a turn is of all that a connection sends in it, however many pieces it comes in', async (t) => {
  const { connect, calls } = await start(t);
  const stream = connect();
  for (let xid = 1; xid <= 2 * TURN_CALLS_MAX; xid++) stream.receive(echoed(xid));
  t.equal(calls.length, TURN_CALLS_MAX);
  stream.peerEnds();
  t.notOk(stream.done.includes('end'), 'the rest is still to be answered');
  while (!stream.done.includes('end')) await settled();
  t.equal(answered(stream).length, 2 * TURN_CALLS_MAX);
});

t.test('the bound of calls under way in all: those who wait get their turn, whoever else was waiting', async (t) => {
  const { connect, held } = await start(t, { inFlight: 2 });
  const streams = [1, 2, 3, 4].map(() => connect());
  for (const [n, stream] of streams.entries()) stream.receive(call(n, WAIT, 'x'));
  const xids = () => held.map((one) => one.call.xid);
  t.same(xids(), [0, 1]);
  t.same(
    streams.map((stream) => stream.done),
    [[], ['pause'], ['pause'], ['pause']],
  );
  held[0]?.release();
  await settled();
  t.same(xids(), [1, 2]);
  held[0]?.release();
  await settled();
  t.same(xids(), [2, 3]);
  for (const one of [...held]) one.release();
  await settled();
  for (const stream of streams)
    t.equal(
      stream.done.findLast((one) => /pause|resume/.test(one)),
      'resume',
    );
});

t.test(
  'a peer that has sent its last call gets all answers, also of calls that wait for their turn; then the connection is closed',
  async (t) => {
    const { connect, held } = await start(t, { inFlightPerClient: 2 });
    const stream = connect();
    stream.receive(Buffer.concat([1, 2, 3].map((xid) => call(xid, WAIT, String(xid)))));
    stream.peerEnds();
    for (let at = 0; at < 3; at++) {
      t.notOk(stream.done.includes('end'), `${3 - at} answers are missing`);
      held[0]?.release();
      await settled();
    }
    t.same(
      stream.done.filter((one) => one.startsWith('write') || one === 'end'),
      [...Array(3).fill(`write:${REPLY_HEAD + 8}`), 'end'],
    );
  },
);

t.test('a peer that ends with nothing under way, or in the middle of a record, is closed at once', async (t) => {
  const { connect } = await start(t);
  for (const bytes of [Buffer.alloc(0), call(1, ECHO, 'a').subarray(0, 20)]) {
    const stream = connect();
    stream.receive(bytes);
    stream.peerEnds();
    t.equal(stream.done[0], 'end');
  }
});

t.test('an address that has left the host: connections that came to it are reset, others stay', async (t) => {
  const { connect, server } = await start(t);
  const moved = connect('192.0.2.9', '192.0.2.100');
  const stays = connect('192.0.2.9');
  moved.receive(call(1, WAIT, 'a'));
  server.forsake('192.0.2.100');
  t.match(moved.done, ['reset']);
  t.same(stays.done, []);
  t.equal(server.connections, 1);
});

t.test('replay identity: the same for a retransmission on another connection, another for anything else', async (t) => {
  const { connect, calls } = await start(t);
  const records = [call(1, ECHO, 'a'), call(1, ECHO, 'a'), call(2, ECHO, 'a'), call(1, ECHO, 'b'), call(1, WAIT, 'a')];
  for (const record of records) connect().receive(record);
  connect('192.0.2.10').receive(records[0]!);
  const [first, again, ...others] = calls.map((one) => one.replayIdentity());
  t.equal(first, again);
  t.equal(new Set([first, ...others]).size, 5);
  t.match(first, /^[\0-\xff]+$/, 'bytes in a Latin-1 string');
  t.ok(first!.length <= 27 + 45);
});

t.test('replies have no trace of what the buffer held before', async (t) => {
  const { connect } = await start(t);
  const stream = connect();
  stream.receive(call(1, ECHO, 'x'.repeat(500)));
  stream.receive(call(2, ECHO, 'y'));
  t.equal(stream.written[1]!.subarray(REPLY_HEAD).toString('hex'), '0000000179000000');
});

t.test('a program cannot be served twice on one port', async (t) => {
  const { net } = fakeNet();
  const server = new RpcServer({ net, clock: manualClock(), logger: silentLogger });
  const { program } = makeEcho();
  await t.rejects(server.listen({ programs: [program, program], port: 1 }), /program 536871065 is served twice/);
});
