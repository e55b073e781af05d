import t, { type Test } from 'tap';
import { seededRandom } from '../../../base/random.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { FlareError } from '../../../flare/errors.ts';
import { BusyError, type DirectoryView, type JointPart, type Step, type StepAnswer } from '../../../flare/joint.ts';
import { keyOf, ROOT_KEY } from '../../../flare/keys.ts';
import { LOCK_END, LockKind } from '../../../flare/locks/types.ts';
import { DATA_MAX, RECORD_MAX } from '../../../flare/record/limits.ts';
import { type HeldPage, LOCKS_LISTED_MAX } from '../../../flare/store/locks/keeper.ts';
import { MemoryNotes } from '../../../flare/testing/memory-notes.ts';
import { MemoryService } from '../../../flare/testing/memory-service.ts';
import { FlareType } from '../../../flare/types.ts';
import { LATENCY_BOUNDS_MS } from '../../../rpc/procedure-gauges.ts';
import type { CallContext, Program } from '../../../rpc/program.ts';
import { REASON_MAX, WORKS_MAX, type Work } from '../../balance/work.ts';
import { RefreshError } from '../../errors.ts';
import {
  CLIENTS_OBSERVED_MAX,
  LINE_BYTES_MAX,
  LINES_OBSERVED_MAX,
  type Observation,
  SHARES_OBSERVED_MAX,
} from '../../observation.ts';
import { withMember } from '../../projection/steps.ts';
import { SLICES_MAX } from '../../projection/types.ts';
import { PROTOCOLS } from '../../protocols.ts';
import { loopback } from '../../testing/loopback.ts';
import { alone, member, NETWORK_ID } from '../../testing/members.ts';
import { type Admission, DeniedError } from '../result.ts';
import { NodeClient } from './client.ts';
import type { Append, Figures, NodeHandlers } from './handlers.ts';
import type { Hello } from './hello.ts';
import { pageOfNotes } from './notes.ts';
import { HEARD_MAX, USAGE_MAX } from './procedures/figures.ts';
import { WATCH_MAX_MS } from './procedures/map.ts';
import { APPEND_GROUPS_MAX } from './procedures/mirror.ts';
import { NOTES_BYTES_MAX, NOTES_MAX } from './procedures/notes.ts';
import { nodeProgram } from './program.ts';
import { NODE_BOUNDS, NODE_REPLY_BYTES_MAX, NODE_VERSION, procedures } from './schema.ts';
import { STEPS_MAX } from './steps.ts';
import { wireHello } from './wire.ts';

/*
 * The node program (docs/architecture.md) over a real TCP connection: what one volcano asks, the other's handlers are asked, and their answers come back.
 */

const hello: Hello = {
  protocols: PROTOCOLS,
  version: '0.1.0',
  networkId: NETWORK_ID,
  id: member(0).id,
  nickname: 'wallace',
  epoch: 3,
  clock: 1_600_000_000_000_000,
  joining: false,
  life: 3,
  born: 2 ** 40,
};
const figures: Figures = {
  load: 7,
  capacityBytes: 2 ** 45,
  freeBytes: 2 ** 44,
  availableBytes: 2 ** 43,
  flares: 12,
  lagRecords: 3,
  uptimeSeconds: 60,
  syncMs: 4,
  damaged: 2,
  repaired: 1,
  protocol: 2,
  keys: { plan: 3, old: { until: 2 ** 33, clients: 5 } },
};
const projection = withMember(alone(), member(1), 0);
const operation = seededRandom(5).bytes(16);

/** Handlers that answer nothing but what a test gives. */
function handlers(some: Partial<NodeHandlers>): NodeHandlers {
  const none = (): never => {
    throw new Error('not asked for in this test');
  };
  const names = [
    'hello',
    'newest',
    'write',
    'watch',
    'join',
    'append',
    'followed',
    'tail',
    'common',
    'joint',
    'leave',
    'load',
    'work',
    'observe',
    'notes',
    'setNote',
  ] as const;
  return { ...(Object.fromEntries(names.map((name) => [name, none])) as unknown as NodeHandlers), ...some };
}

async function served(t: Test, some: Partial<NodeHandlers>, admit: (epoch: number) => Admission = () => 'serve') {
  const all = handlers({ hello: () => hello, ...some });
  const program = nodeProgram({ handlers: all, allowed: () => true, admit, epoch: () => 9 });
  const link = await loopback(program, { bounds: NODE_BOUNDS, replyBytes: NODE_REPLY_BYTES_MAX });
  t.teardown(() => link.close());
  const node = new NodeClient(link.client, () => 4);
  if (some.hello === undefined) await node.hello(hello);
  return node;
}

/** A call on a connection that has said hello to that program. */
async function greetedCall(program: Program): Promise<CallContext> {
  const call = { connection: {} } as CallContext;
  const procedure = program.versions.get(NODE_VERSION)!.get(procedures.HELLO.number)!;
  await procedure.handle(wireHello(hello), call);
  return call;
}

t.test('no two procedures have the same number', async (t) => {
  const numbers = Object.values(procedures).map(({ number }) => number);
  t.equal(new Set(numbers).size, numbers.length);
});

t.test('HELLO is the first call on a connection: nothing else is answered before, or on another one', async (t) => {
  let asked = 0;
  const program = nodeProgram({
    handlers: handlers({
      hello(theirs) {
        if (theirs.joining) throw new DeniedError('not you');
        return hello;
      },
      newest() {
        asked++;
        return null;
      },
    }),
    allowed: () => true,
    admit: () => 'serve',
    epoch: () => 1,
  });
  const connected = async (): Promise<NodeClient> => {
    const link = await loopback(program, { bounds: NODE_BOUNDS, replyBytes: NODE_REPLY_BYTES_MAX });
    t.teardown(() => link.close());
    return new NodeClient(link.client, () => 1);
  };
  const [one, other] = [await connected(), await connected()];
  const early = { name: 'DeniedError', message: /NEWEST before HELLO/ };
  await t.rejects(one.newest(), early);
  await t.rejects(one.append({ epoch: 1, sender: member(0).id, stream: 1, sequence: 1, groups: [] }), {
    name: 'DeniedError',
  });
  await t.rejects(one.hello({ ...hello, joining: true }), { message: 'not you' });
  await t.rejects(one.newest(), early, 'who was refused has not said hello');
  t.equal(asked, 0);
  await one.hello(hello);
  t.equal(await one.newest(), null);
  await t.rejects(other.newest(), early, 'each connection for itself');
});

t.test('HELLO: what each says of itself; a refusal comes back as its text', async (t) => {
  const seen: Hello[] = [];
  const node = await served(t, {
    hello(theirs) {
      seen.push(theirs);
      if (theirs.joining) throw new DeniedError('the nickname gromit is in use');
      return hello;
    },
  });
  const mine = { ...hello, id: member(1).id, nickname: 'gromit', networkId: null };
  t.strictSame(await node.hello(mine), hello);
  await t.rejects(node.hello({ ...mine, joining: true }), {
    name: 'DeniedError',
    message: 'the nickname gromit is in use',
  });
  t.strictSame(seen, [mine, { ...mine, joining: true }]);
  await t.resolves(node.hello({ ...mine, nickname: 'a\nb' }));
  t.equal(seen[2]!.nickname, 'a?b', 'what is shown to people has no control characters');
});

t.test('the projection store: NEWEST, WRITE, WATCH', async (t) => {
  const written: unknown[] = [];
  const watched: unknown[] = [];
  const node = await served(t, {
    newest: (known) => (written.length === 0 || known === projection.epoch ? null : { whole: projection }),
    write(one) {
      written.push(one);
      return written.length === 1 ? 'written' : 'taken';
    },
    watch(epoch, waitMs) {
      watched.push([epoch, waitMs]);
      return epoch < projection.epoch ? { whole: projection } : null;
    },
  });
  t.equal(await node.newest(), null);
  t.equal(await node.write(projection), 'written');
  t.equal(await node.write(projection), 'taken');
  t.strictSame(written[0], projection);
  t.strictSame(await node.newest(), projection);
  t.equal(await node.newest(projection), projection, 'what is known is not sent again');
  t.strictSame(await node.watch({ ...projection, epoch: 1 }, 10), projection);
  t.equal(await node.watch(projection, 10), null);
  await node.watch(projection, 2 ** 40);
  t.strictSame(watched.at(-1), [2, WATCH_MAX_MS]);
  await t.rejects(node.write({ ...projection, replicas: 0 }), { name: 'DeniedError', message: /replicas/ });
  t.equal(written.length, 2, 'what is not sound does not come through');
});

t.test('OBSERVE: what a volcano sees comes back as it was told, cut to what the program carries', async (t) => {
  const client = {
    ...{ client: '192.0.2.1', calls: 2 ** 40, retransmissions: 12, duplicates: 2, replayed: 10 },
    ...{ requestBytes: 7, replyBytes: 8, lossPercent: 0.61, sick: true, mounts: ['/a\xff', '/b'], mountsInAll: 9 },
    ...{ quietMs: 2 ** 40, stuckMs: 5, procedures: [{ procedure: 'nfs READ', calls: 2 ** 40 }] },
  };
  const procedure = {
    ...{ program: 'nfs', version: 2, procedure: 'GETATTR', calls: 3, refused: 1, requestBytes: 5, replyBytes: 6 },
    ...{ milliseconds: 1.125, buckets: LATENCY_BOUNDS_MS.map((_, index) => index).concat(2 ** 33) },
  };
  const observation: Observation = {
    ...{ nickname: 'wallace', version: '0.1.0', countedMs: 2 ** 41, clients: [client], clientsInAll: 3 },
    ...{
      shares: [{ path: '/\xfe', rules: ['/\\xfe * r', '/ü * w'] }],
      procedures: [procedure],
      lines: ['{"msg":"ü"}'],
    },
  };
  const asked: unknown[] = [];
  let told = observation;
  const node = await served(t, {
    observe(ask) {
      asked.push(ask);
      return told;
    },
  });
  t.strictSame(await node.observe({ clients: 20, lines: 10 }), observation);
  t.strictSame(asked, [{ clients: 20, lines: 10 }]);
  told = {
    ...observation,
    clients: Array.from({ length: CLIENTS_OBSERVED_MAX + 1 }, () => ({ ...client, mounts: ['/a', '/b', '/c', '/d'] })),
    shares: Array.from({ length: SHARES_OBSERVED_MAX + 1 }, () => ({ path: '/', rules: ['r'] })),
    lines: [`first${'x'.repeat(9)}`, ...Array.from({ length: LINES_OBSERVED_MAX }, () => 'ü'.repeat(LINE_BYTES_MAX))],
  };
  const much = await node.observe({ clients: 2 ** 32 - 1, lines: 2 ** 32 - 1 });
  t.equal(much.clients.length, CLIENTS_OBSERVED_MAX);
  t.strictSame(much.clients[0]!.mounts, ['/a', '/b', '/c']);
  t.equal(much.shares.length, SHARES_OBSERVED_MAX);
  t.equal(much.lines.length, LINES_OBSERVED_MAX, 'the last lines, not the first');
  t.ok(much.lines.every((line) => line === 'ü'.repeat(LINE_BYTES_MAX / 2)));
});

t.test('nobody waits longer than WATCH_MAX_MS, whatever he asks for', async (t) => {
  const waits: number[] = [];
  const watch = (_: number, waitMs: number): null => {
    waits.push(waitMs);
    return null;
  };
  const program = nodeProgram({
    handlers: handlers({ hello: () => hello, watch }),
    allowed: () => true,
    admit: () => 'serve',
    epoch: () => 1,
  });
  const procedure = program.versions.get(NODE_VERSION)!.get(procedures.WATCH.number)!;
  procedure.handle({ epoch: 1, waitMs: 2 ** 32 - 1 }, await greetedCall(program));
  t.strictSame(waits, [WATCH_MAX_MS]);
});

t.test('JOIN: a newcomer that is sound comes through', async (t) => {
  const seen: unknown[] = [];
  const node = await served(t, { join: (newcomer) => void seen.push(newcomer) });
  await node.join(member(7));
  t.strictSame(seen, [member(7)]);
  await t.rejects(node.join({ ...member(7), addresses: [] }), { name: 'DeniedError' });
  t.equal(seen.length, 1);
});

t.test('APPEND: groups of opaque records with their flags, the largest record', async (t) => {
  const seen: Append[] = [];
  const node = await served(t, {
    append(append) {
      const groups = append.groups.map((group) => group.map((one) => ({ ...one, payload: Buffer.from(one.payload) })));
      seen.push({ ...append, groups });
      return append.sequence === 2
        ? { gap: 1, at: { slice: 3, last: 2 ** 40 } }
        : { gap: 0, taken: { sequence: append.sequence, room: 2 ** 50 } };
    },
  });
  const payload = seededRandom(1).bytes(RECORD_MAX);
  const append: Append = {
    epoch: 4,
    sender: member(0).id,
    stream: 2 ** 50,
    sequence: 1,
    groups: [
      [
        { flags: 1, payload },
        { flags: 0, payload: Buffer.alloc(3, 1) },
      ],
      [],
      [{ flags: 2 ** 32 - 1, payload: Buffer.alloc(0) }],
    ],
  };
  t.strictSame(await node.append(append), { gap: 0, taken: { sequence: 1, room: 2 ** 50 } });
  t.strictSame(seen[0], append);
  t.strictSame(await node.append({ ...append, sequence: 2 }), { gap: 1, at: { slice: 3, last: 2 ** 40 } });
  const long = { ...append, groups: [[{ flags: 0, payload: Buffer.alloc(RECORD_MAX + 1) }]] };
  await t.rejects(node.append(long), { name: 'XdrError' });
  const many = { ...append, groups: Array.from({ length: APPEND_GROUPS_MAX + 1 }, () => []) };
  await t.rejects(node.append(many), { name: 'XdrError' });
});

t.test('FOLLOWED, TAIL: what a primary asks of its mirrors', async (t) => {
  const seen: unknown[] = [];
  const followed = { sequence: 2 ** 50, last: [{ number: 2 ** 51, epoch: 3 }], room: 77 };
  const groups = [[Buffer.from('one'), Buffer.alloc(0)], [seededRandom(2).bytes(RECORD_MAX)]];
  const node = await served(t, {
    followed(ask) {
      seen.push(ask);
      return followed;
    },
    tail(ask) {
      seen.push(ask);
      return groups;
    },
  });
  const sender = member(3).id;
  const asked = { epoch: 4, sender, stream: 2 ** 47, slices: [0, 255] };
  t.strictSame(await node.followed(asked), followed);
  const tail = { epoch: 4, sender, slices: [{ slice: 9, after: 2 ** 40 }] };
  t.strictSame(await node.tail(tail), groups);
  t.strictSame(seen, [asked, tail]);
  await t.rejects(node.followed({ ...asked, slices: Array(SLICES_MAX + 1).fill(1) }), { name: 'XdrError' });
});

t.test('CONTENTS: bytes of a file from another copy, none, and no more than a record holds', async (t) => {
  const seen: unknown[] = [];
  const bytes = seededRandom(3).bytes(DATA_MAX);
  const node = await served(t, {
    contents(id, version, offset, length) {
      seen.push([id, version, offset, length]);
      return version === 7 ? null : bytes;
    },
  });
  const id = { key: keyOf(ROOT_KEY, 'x'), generation: 2 ** 50 };
  t.ok((await node.contents(id, 8, 2 ** 49, DATA_MAX))!.equals(bytes));
  t.equal(await node.contents(id, 7, 0, 1), null);
  t.ok(await node.contents(id, null, 0, 1));
  t.same(seen, [
    [id, 8, 2 ** 49, DATA_MAX],
    [id, 7, 0, 1],
    [id, null, 0, 1],
  ]);
  await t.rejects(node.contents(id, 8, 0, DATA_MAX + 1), { name: 'DeniedError', message: /the most is/ });
});

t.test('PREPARE, OUTCOME, DECISION: every kind of step, and what it gave', async (t) => {
  const service = new MemoryService({ clock: manualClock(), random: seededRandom(1) });
  const attributes = service.getattr(service.root());
  const flare = { key: keyOf(ROOT_KEY, 'x'), generation: 2 ** 50 };
  const directory = { key: ROOT_KEY, generation: 1 };
  const view: DirectoryView = { ...directory, mode: 0o1777, uid: 3, gid: 4, share: 65_535 };
  const target = { ...flare, fileid: 2 ** 32 - 1, type: FlareType.fifo };
  const salt = Buffer.alloc(8, 7);
  const birth = { type: FlareType.symlink, mode: 0o777, target: Buffer.from('to'), atime: 'now', uid: 5 } as const;
  const steps: readonly Step[] = [
    { kind: 'addName', directory, name: 'a\xff', target, replaces: null },
    { kind: 'addName', directory, name: 'a', target, replaces: { ...target, fileid: 1 } },
    { kind: 'dropName', directory, name: 'b', target },
    { kind: 'birth', key: flare.key, salt, directory: view, birth },
    { kind: 'birth', key: flare.key, salt: Buffer.alloc(0), directory: view, birth: { type: FlareType.file, mode: 0 } },
    { kind: 'unname', flare, directory: view },
    { kind: 'end', flare, directory: view },
    { kind: 'name', flare, directory },
    { kind: 'move', flare, from: view, to: directory },
    { kind: 'moving' },
  ];
  const answers: readonly StepAnswer[] = [
    { kind: 'done', attributes },
    { kind: 'done', attributes: null },
    { kind: 'taken' },
  ];
  const seen: unknown[] = [];
  let refusal: Error | null = null;
  const joint = (slice: number): JointPart => ({
    prepare(...args) {
      if (refusal !== null) throw refusal;
      seen.push([slice, ...args]);
      return answers;
    },
    resolve: async (...args) => void seen.push([slice, ...args]),
    decision(...args) {
      seen.push([slice, ...args]);
      return (['committed', 'pending', 'unknown'] as const)[slice]!;
    },
  });
  const node = await served(t, { joint });
  const caller = { uid: 1, gid: 2, gids: [3, 4], replay: 'r' };
  t.strictSame(await node.joint(200).prepare(operation, 100, caller, steps), answers);
  t.strictSame(seen.pop(), [200, operation, 100, caller, steps]);
  await node.joint(201).resolve(operation, true);
  t.strictSame(seen.pop(), [201, operation, true]);
  await node.joint(201).resolve(operation, false);
  t.strictSame(seen.pop(), [201, operation, false]);
  t.equal(await node.joint(0).decision(operation), 'committed');
  t.equal(await node.joint(1).decision(operation), 'pending');
  t.equal(await node.joint(2).decision(operation), 'unknown');
  refusal = FlareError.of('NOTEMPTY');
  await t.rejects(node.joint(0).prepare(operation, 1, caller, steps), { name: 'FlareError', status: 'NOTEMPTY' });
  refusal = new BusyError();
  await t.rejects(node.joint(0).prepare(operation, 1, caller, steps), /another operation/);
  refusal = new RefreshError(12);
  await t.rejects(node.joint(0).prepare(operation, 1, caller, steps), { name: 'RefreshError', epoch: 12 });
  const many = Array.from({ length: STEPS_MAX + 1 }, (): Step => ({ kind: 'moving' }));
  await t.rejects(node.joint(0).prepare(operation, 1, caller, many), { name: 'XdrError' });
});

t.test('LOAD: each tells the other its figures, and what it has heard of others', async (t) => {
  const heard = [4, 5].map((number) => ({
    id: member(number).id,
    ageMs: number,
    figures: { ...figures, load: number },
    usage: [{ share: 1, uid: number, bytes: 2 ** 50, files: 3 }],
  }));
  const seen: unknown[] = [];
  const usage = [{ share: 65_535, uid: 2 ** 32 - 1, bytes: 1, files: 2 ** 40 }];
  const node = await served(t, {
    load(...args) {
      seen.push(args);
      return { figures: { ...figures, load: 8 }, usage, heard };
    },
  });
  const mine = { figures, usage: [], heard: heard.slice(1) };
  t.strictSame(await node.load(member(3).id, mine), { figures: { ...figures, load: 8 }, usage, heard });
  t.strictSame(seen, [[member(3).id, mine]]);
  const many = Array.from({ length: HEARD_MAX + 1 }, () => heard[0]!);
  await t.rejects(node.load(member(3).id, { figures, usage, heard: many }), { name: 'XdrError' });
  const accounts = Array.from({ length: USAGE_MAX + 1 }, () => usage[0]!);
  await t.rejects(node.load(member(3).id, { figures, usage: accounts, heard }), { name: 'XdrError' });
});

t.test('WORK: each tells the other what its slices are asked for, and what it has heard of others', async (t) => {
  const work: Work = {
    ...{ weight: 1000, calls: 1234.5, bytes: 2 ** 42, units: 0.001, peakUnits: 3, aboveUnits: 0 },
    ...{ capacityBytes: 2 ** 50, availableBytes: 1, settled: true, reason: 'slice 17 alone is 61% of its work' },
  };
  const heard = [4, 5].map((number) => ({ id: member(number).id, ageMs: number, work: { ...work, calls: number } }));
  const seen: unknown[] = [];
  const node = await served(t, {
    work(works) {
      seen.push(works);
      return heard;
    },
  });
  t.strictSame(await node.work(heard.slice(1)), heard);
  t.strictSame(seen, [heard.slice(1)]);
  const reason = `\u0007${'r'.repeat(REASON_MAX)}`;
  await node.work([{ ...heard[0]!, work: { ...work, reason } }]);
  t.match(
    seen[1],
    [{ work: { reason: `?${'r'.repeat(REASON_MAX - 1)}` } }],
    'what people are shown is bounded, and printable',
  );
  const many = Array.from({ length: WORKS_MAX + 1 }, () => heard[0]!);
  await t.rejects(node.work(many), { name: 'XdrError' });
});

t.test('NOTES: all of them, in pages that are bounded by number and by bytes', async (t) => {
  const notes = new MemoryNotes();
  await notes.setNote('other', Buffer.from('x'));
  const large = 2 * Math.floor(NOTES_BYTES_MAX / 65_536);
  for (let at = 0; at < NOTES_MAX + 1; at++) await notes.setNote(`a/${String(at).padStart(4, '0')}`, Buffer.from([at]));
  for (let at = 0; at < large; at++) await notes.setNote(`b/${String(at).padStart(4, '0')}`, Buffer.alloc(65_536, at));
  let prefix = '';
  const node = await served(t, {
    notes: (after, known) =>
      known === 9 ? { version: 9, notes: [], end: true } : { version: 9, ...pageOfNotes(notes.notes(prefix), after) },
  });
  for (const [chosen, first] of [
    ['a/', NOTES_MAX],
    ['b/', large / 2 - 1],
    ['none/', 0],
  ] as const) {
    const found = new Map<string, Buffer>();
    prefix = chosen;
    let page = await node.notes('', 0);
    t.equal(page.version, 9);
    t.ok(page.notes.length <= NOTES_MAX && page.notes.length >= first, `${page.notes.length} notes at first`);
    for (;;) {
      for (const { name, value } of page.notes) found.set(name, value);
      if (page.end) break;
      page = await node.notes(page.notes.at(-1)!.name, 0);
    }
    t.strictSame(found, notes.notes(prefix));
  }
  t.strictSame(
    await node.notes('', 9),
    { version: 9, notes: [], end: true },
    'who has them is told that nothing has changed',
  );
});

t.test('SETNOTE: sets and removes', async (t) => {
  const seen: unknown[] = [];
  const node = await served(t, { setNote: (...args) => void seen.push(args) });
  await node.setNote('rule/x', Buffer.from('value'));
  await node.setNote('rule/x', null);
  t.strictSame(seen, [
    ['rule/x', Buffer.from('value')],
    ['rule/x', null],
  ]);
});

t.test('HELD and FREEHOLDER: what is locked in pages, and the end of a holder’s locks', async (t) => {
  const lock = {
    ...{ kind: LockKind.bytes, holder: 'host \xff', owner: '\0', mode: 'shared', pid: 9 },
    ...{ start: 5n, last: LOCK_END },
  } as const;
  const id = { key: ROOT_KEY, generation: 3 };
  const page = (count: number): HeldPage => ({
    locks: new Array(count).fill({ id, fileid: 77, silentMs: 12, lock }),
    next: count === 1 ? null : `${ROOT_KEY}3\0next`,
  });
  const seen: string[] = [];
  const node = await served(t, {
    held(from) {
      seen.push(from);
      return page(from === '' ? LOCKS_LISTED_MAX : 1);
    },
    releaseHolder(holder) {
      seen.push(holder);
      return 4;
    },
  });
  const first = await node.held('');
  t.strictSame(first, page(LOCKS_LISTED_MAX));
  t.strictSame(await node.held(first.next!), page(1));
  t.equal(await node.releaseHolder('host \xff'), 4);
  t.strictSame(seen, ['', `${ROOT_KEY}3\0next`, 'host \xff']);
});

t.test('what a caller is not allowed is denied, before anything is done', async (t) => {
  const program = nodeProgram({
    handlers: handlers({ hello: () => hello, newest: () => null }),
    allowed: (procedure) => procedure === 'NEWEST' || procedure === 'HELLO',
    admit: () => 'serve',
    epoch: () => 1,
  });
  const there = await loopback(program, { bounds: NODE_BOUNDS, replyBytes: NODE_REPLY_BYTES_MAX });
  t.teardown(() => there.close());
  const node = new NodeClient(there.client, () => 1);
  await node.hello(hello);
  t.equal(await node.newest(), null);
  await t.rejects(node.setNote('x', null), { name: 'DeniedError', message: /SETNOTE is not for/ });
});

t.test('who is behind is told to refresh, who is ahead to wait, before anything is done', async (t) => {
  const asked: number[] = [];
  let admission: Admission = { refresh: 11 };
  const node = await served(t, { newest: () => null }, (epoch) => {
    asked.push(epoch);
    return admission;
  });
  const append = { epoch: 4, sender: member(0).id, stream: 1, sequence: 1, groups: [] };
  const calls: readonly (() => Promise<unknown>)[] = [
    () => node.join(member(1)),
    () => node.append(append),
    () => node.joint(1).prepare(operation, 1, { uid: 0, gid: 0, gids: [] }, []),
    () => node.joint(1).resolve(operation, true),
    () => node.joint(1).decision(operation),
    () => node.load(member(0).id, { figures, usage: [], heard: [] }),
    () => node.work([]),
    () => node.notes('', 0),
    () => node.setNote('n', null),
    () => node.held(''),
    () => node.releaseHolder('h'),
  ];
  for (const call of calls) await t.rejects(call(), { name: 'RefreshError', epoch: 11 });
  admission = 'busy';
  for (const call of calls) await t.rejects(call(), /another operation/);
  t.same(new Set(asked), new Set([4]));
  t.strictSame(await node.hello(hello), hello, 'what does not depend on the map is answered');
  t.equal(await node.newest(), null);
});

t.test('calls that wait for admission keep their bytes', async (t) => {
  const seen: Append[] = [];
  const program = nodeProgram({
    handlers: handlers({
      hello: () => hello,
      append(append) {
        seen.push(append);
        return { gap: 0, taken: { sequence: 1, room: 0 } };
      },
    }),
    allowed: () => true,
    admit: () => Promise.resolve('serve'),
    epoch: () => 1,
  });
  const procedure = program.versions.get(NODE_VERSION)!.get(procedures.APPEND.number)!;
  const sender = Buffer.from(member(0).id, 'hex');
  const groups = [[{ flags: 0, payload: Buffer.from('a record') }]];
  const bytes = procedure.arguments.encode({ epoch: 1, sender, stream: 1, sequence: 1, groups });
  const answer = procedure.handle(procedure.arguments.decode(bytes), await greetedCall(program));
  bytes.fill(0xee);
  await answer;
  t.match(seen, [{ sender: member(0).id, groups: [[{ payload: Buffer.from('a record') }]] }]);
});
