import t from 'tap';
import { seededRandom } from '../../../base/random.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { FlareError } from '../../../flare/errors.ts';
import { BusyError, type DirectoryView, type JointPart, type Step, type StepAnswer } from '../../../flare/joint.ts';
import { keyOf, ROOT_KEY } from '../../../flare/keys.ts';
import { LOCK_END, LockKind } from '../../../flare/locks/types.ts';
import { type HeldPage, LOCKS_LISTED_MAX } from '../../../flare/store/locks/keeper.ts';
import { MemoryService } from '../../../flare/testing/memory-service.ts';
import { FlareType } from '../../../flare/types.ts';
import { RefreshError } from '../../errors.ts';
import { withMember } from '../../projection/steps.ts';
import { loopback } from '../../testing/loopback.ts';
import { alone, member } from '../../testing/members.ts';
import { type Admission, DeniedError } from '../result.ts';
import { NodeClient } from './client.ts';
import type { Append } from './handlers.ts';
import type { Hello } from './hello.ts';
import { WATCH_MAX_MS } from './procedures/map.ts';
import { nodeProgram } from './program.ts';
import { NODE_BOUNDS, NODE_REPLY_BYTES_MAX, NODE_VERSION, procedures } from './schema.ts';
import { STEPS_MAX } from './steps.ts';
import { figures, greetedCall, handlers, hello, served } from './testing/served.ts';

/*
 * The node program (docs/architecture.md) over a real TCP connection: what one volcano asks, the other's handlers are asked, and their answers come back.
 */

const projection = withMember(alone(), member(1), 0);
const operation = seededRandom(5).bytes(16);

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
