import t, { type Test } from 'tap';
import { seededRandom } from '../../../base/random.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { FlareError, FlareStatus, type FlareStatusName } from '../../../flare/errors.ts';
import { BusyError, ElsewhereError } from '../../../flare/joint.ts';
import { ROOT_KEY } from '../../../flare/keys.ts';
import { LOCK_END, LOCK_FLARES_MAX, LockKind, type LockRequest } from '../../../flare/locks/types.ts';
import { READ_MAX, READDIR_MAX, WRITE_MAX } from '../../../flare/store/limits.ts';
import { MemoryService } from '../../../flare/testing/memory-service.ts';
import { type Caller, FlareType } from '../../../flare/types.ts';
import { RpcError } from '../../../rpc/client.ts';
import type { CallContext } from '../../../rpc/program.ts';
import { RefreshError } from '../../errors.ts';
import { withMember } from '../../projection/steps.ts';
import { loopback } from '../../testing/loopback.ts';
import { alone, member } from '../../testing/members.ts';
import { type FlareProgramParts, flareProgram, type GateRequest } from './program.ts';
import { RemoteService, readProjection, readRoot } from './remote-service.ts';
import { FLARE_BOUNDS, FLARE_REPLY_BYTES_MAX, FLARE_VERSION, procedures } from './schema.ts';

/*
 * The flare program (docs/architecture.md) over a real TCP connection, in front of the model: what travels, what is decided before a call is served, and the bounds.
 */

const ann: Caller = { uid: 1, gid: 10, gids: [11, 12] };
const file = { type: FlareType.file, mode: 0o644 } as const;
const projection = withMember(alone(), member(1), 0);

function wireRoot(service: MemoryService) {
  const { key, generation } = service.root();
  return { key: Buffer.from(key, 'latin1'), generation };
}

async function served(t: Test, parts: Partial<FlareProgramParts> = {}, client?: string) {
  const store = new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
  const program = flareProgram({
    service: store,
    admit: () => 'serve',
    gate: ({ caller }) => caller,
    projection: () => projection,
    ...parts,
  });
  const link = await loopback(program, { bounds: FLARE_BOUNDS, replyBytes: FLARE_REPLY_BYTES_MAX });
  t.teardown(() => link.close());
  const root = await readRoot(link.client, 2);
  const remote = new RemoteService({
    caller: link.client,
    root,
    epoch: () => 2,
    ...(client === undefined ? {} : { client }),
  });
  return { store, remote, link, root };
}

t.test('what is asked and answered is what the service was asked and answered', async (t) => {
  const { store, remote, root } = await served(t);
  t.strictSame(remote.root(), store.root());
  const dir = await remote.create(ann, root, 'd\xff', { type: FlareType.directory, mode: 0o755 });
  t.strictSame(dir, store.getattr(dir));
  const birth = { ...file, gid: 11, size: 5, atime: 'now', mtime: { seconds: 7, nanoseconds: 8 } } as const;
  const f = await remote.create({ uid: 0, gid: 0, gids: [] }, dir, 'f', { ...birth, uid: 4 });
  t.match(f, { uid: 4, gid: 11, size: 5, mtime: { seconds: 7, nanoseconds: 8 } });
  const device = { type: FlareType.block, mode: 0o600, major: 8, minor: 3 } as const;
  t.match(await remote.create({ uid: 0, gid: 0, gids: [] }, dir, 'dev', device), { major: 8, minor: 3 });
  const link = await remote.create(ann, dir, 'l', {
    type: FlareType.symlink,
    mode: 0o777,
    target: Buffer.from('to\xfe', 'latin1'),
  });
  t.strictSame(await remote.readlink(ann, link), Buffer.from('to\xfe', 'latin1'));
  t.strictSame(await remote.find(f.key), store.find(f.key));
  t.strictSame(await remote.glance(f), store.glance(f));
  t.strictSame(await remote.lookup(ann, dir, 'f'), store.lookup(ann, dir, 'f'));
  const root0 = { uid: 0, gid: 0, gids: [] };
  const changes = {
    mode: 0o600,
    uid: 9,
    gid: 8,
    size: 2,
    atime: { seconds: 1, nanoseconds: 2 },
    mtime: 'now',
  } as const;
  t.match(await remote.setattr(root0, f, changes), { mode: 0o600, uid: 9, gid: 8, size: 2, atime: changes.atime });
  t.equal((await remote.setattr(root0, f, {})).mode, 0o600, 'nothing to change');
  await remote.link(root0, f, dir, 'f2');
  await remote.rename(root0, dir, 'f2', root, 'f3');
  const listed = await remote.readdir(ann, dir, 0, 100);
  t.strictSame(listed, store.readdir(ann, dir, 0, 100));
  t.match(await remote.readdir(ann, dir, 0, 2), { end: false, entries: { length: 2 } });
  await remote.remove(root0, root, 'f3');
  for (const name of ['f', 'l', 'dev']) await remote.remove(root0, dir, name);
  await remote.rmdir(ann, root, 'd\xff');
  t.strictSame(await remote.statfs(), store.statfs());
});

t.test('every refusal there is comes back as itself', async (t) => {
  let status: FlareStatusName = 'IO';
  const refuses = new Proxy(new MemoryService({ clock: manualClock(), random: seededRandom(1) }), {
    get: (target, name) =>
      name === 'getattr'
        ? () => {
            throw FlareError.of(status);
          }
        : Reflect.get(target, name).bind(target),
  });
  const { remote, root } = await served(t, { service: refuses });
  for (status of Object.keys(FlareStatus) as FlareStatusName[]) {
    await t.rejects(remote.getattr(root), { name: 'FlareError', status });
  }
});

t.test('expectations and replays travel', async (t) => {
  const { remote, root, store } = await served(t);
  const made = await remote.create({ ...ann, replay: 'r1\xff' }, root, 'f', file);
  t.strictSame(await remote.create({ ...ann, replay: 'r1\xff' }, root, 'f', file), made, 'the first answer');
  await t.rejects(remote.create({ ...ann, replay: 'r2' }, root, 'f', file), { name: 'FlareError', status: 'EXIST' });
  t.strictSame(store.recall('r1\xff'), made);
  t.strictSame(await remote.recall('r1\xff', root.key), made);
  await t.rejects(remote.recall('r2', root.key), { name: 'FlareError', status: 'EXIST' });
  t.equal(await remote.recall('r3', root.key), undefined);
  await remote.remove({ ...ann, replay: 'r4' }, root, 'f');
  t.equal(await remote.recall('r4', root.key), null);
  const long = 'x'.repeat(5000);
  const f = await remote.create({ ...ann, replay: long }, root, 'f', file);
  t.strictSame(await remote.recall(long, root.key), f, 'an identity of any length');
  await t.rejects(remote.setattr(ann, f, { mode: 0 }, { version: f.version + 1 }), {
    name: 'FlareError',
    status: 'VERSION',
  });
  await t.rejects(remote.write(ann, f, 0, Buffer.from('x'), { version: f.version + 1 }), {
    name: 'FlareError',
    status: 'VERSION',
  });
  t.match(await remote.write(ann, f, 0, Buffer.from('x'), { version: f.version }), { size: 1 });
});

t.test('locks travel: offsets of 63 bits, holders and owners of any bytes, answers and refusals', async (t) => {
  const gated: GateRequest[] = [];
  const { remote, root, store } = await served(t, {
    gate(request) {
      gated.push(request);
      return request.caller;
    },
  });
  const f = await remote.create(ann, root, 'f', { ...file, mode: 0o666 });
  const range = { start: 2n ** 62n, last: LOCK_END };
  const request: LockRequest = {
    ...{ kind: LockKind.bytes, holder: 'a\xff', owner: '\0\x80', mode: 'exclusive', ...range, pid: 2 ** 32 - 1 },
    leaseMs: 60_000,
  };
  const taken = await remote.locks.lock(ann, f, request);
  t.same(taken.attributes, f);
  t.same(await remote.locks.keep('a\xff', [f, { ...f, generation: 77 }]), [taken.tenure, 0]);
  const other: LockRequest = { ...request, holder: 'b', mode: 'shared', start: 0n, wait: false };
  const { leaseMs: _, ...held } = request;
  t.same(await remote.locks.test(ann, f, other), held);
  t.same(await remote.locks.test(ann, f, { ...other, kind: LockKind.whole }), null);
  await t.rejects(async () => remote.locks.lock({ ...ann, replay: 'again' }, f, other), {
    name: 'FlareError',
    status: 'AGAIN',
  });
  const waiting = remote.locks.lock({ ...ann, uid: 3 }, f, { ...other, wait: true });
  await remote.locks.release('a\xff', [f]);
  t.match(await waiting, { attributes: f });
  t.same(await remote.locks.keep('a\xff', [f]), [0]);
  t.same(await remote.locks.lock(ann, f, { ...other, mode: 'none' }), { attributes: f, tenure: 0 });
  for (const wrong of [
    { start: -1n },
    { last: 2n ** 64n },
    { holder: 'x'.repeat(256) },
    { owner: '\u0100' },
    { pid: -1 },
  ]) {
    await t.rejects(async () => remote.locks.lock(ann, f, { ...request, ...wrong }), {
      name: 'FlareError',
      status: 'INVAL',
    });
  }
  const many = new Array<typeof f>(LOCK_FLARES_MAX + 1).fill(f);
  await t.rejects(async () => remote.locks.keep('h', many), { name: 'RangeError' });
  await t.rejects(async () => remote.locks.release('h', many), { name: 'RangeError' });
  t.same(await remote.locks.keep('h', many.slice(1)), new Array(LOCK_FLARES_MAX).fill(0));
  t.match(gated.at(-1), { flares: { length: 0 } }, 'flares may be gone: the rules are not asked about them');
  t.match(
    gated.filter(({ caller }) => caller?.uid === 3),
    [{ access: 'read', flares: [{ key: f.key, generation: f.generation }] }],
    'who may only read may lock',
  );
  t.equal(store.locks.keep('b', [f])[0], 0);
});

t.test('WRITE_MAX and READ_MAX go through whole; more is RangeError, as with the store', async (t) => {
  const { remote, root } = await served(t);
  const f = await remote.create(ann, root, 'f', file);
  const random = seededRandom(3);
  const data = random.bytes(READ_MAX);
  for (let at = 0; at < READ_MAX; at += WRITE_MAX) await remote.write(ann, f, at, data.subarray(at, at + WRITE_MAX));
  const { data: read, attributes } = await remote.read(ann, f, 0, READ_MAX);
  t.ok(read.equals(data));
  t.equal(attributes.size, READ_MAX);
  t.match(await remote.read(ann, f, 2 ** 45, 10), { data: { length: 0 } });
  await t.rejects(remote.write(ann, f, 0, Buffer.alloc(WRITE_MAX + 1)), { name: 'RangeError' });
  await t.rejects(remote.read(ann, f, 0, READ_MAX + 1), { name: 'RangeError' });
});

t.test('a listing is bounded by READDIR_MAX, and goes on from there', async (t) => {
  const { remote, root, store } = await served(t);
  const letters = 'n'.repeat(249);
  for (let at = 0; at <= READDIR_MAX; at++) store.create(ann, root, `${letters}${String(at).padStart(6, '0')}`, file);
  const first = await remote.readdir(ann, root, 0, 2 ** 31);
  t.match([first.entries.length, first.end], [READDIR_MAX, false]);
  t.match(await remote.readdir(ann, root, first.entries.at(-1)!.cookie, 10), { end: true, entries: { length: 1 } });
});

t.test('what the wire cannot carry is refused as the service refuses it', async (t) => {
  const { remote, root, store } = await served(t);
  const f = await remote.create(ann, root, 'f', file);
  const bad = ['', '.', '..', 'a/b', 'a\0', 'n'.repeat(256), 'n'.repeat(5000)];
  for (const name of bad) {
    let status = '';
    try {
      store.lookup(ann, root, name);
    } catch (error) {
      status = (error as FlareError).status;
    }
    await t.rejects(remote.lookup(ann, root, name), { name: 'FlareError', status }, JSON.stringify(name.slice(0, 9)));
  }
  await t.rejects(remote.lookup(ann, root, '\u0100'), { name: 'FlareError', status: 'INVAL' });
  for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) {
    await t.rejects(remote.read(ann, f, offset, 1), { name: 'FlareError', status: 'INVAL' });
    await t.rejects(remote.write(ann, f, offset, Buffer.from('x')), { name: 'FlareError', status: 'INVAL' });
    await t.rejects(remote.setattr(ann, f, { size: offset }), { name: 'FlareError', status: 'INVAL' });
  }
  await t.rejects(remote.write(ann, f, 2 ** 50, Buffer.from('x')), { name: 'FlareError', status: 'FBIG' });
  const target = (length: number) => ({ type: FlareType.symlink, mode: 0o777, target: Buffer.alloc(length, 'x') });
  await t.rejects(remote.create(ann, root, 's', target(4096)), { name: 'FlareError', status: 'NAMETOOLONG' });
  await t.rejects(remote.create(ann, root, 's', target(100_000)), { name: 'FlareError', status: 'NAMETOOLONG' });
});

t.test('admission comes first: refresh and busy are answers, with nothing done', async (t) => {
  const asked: unknown[] = [];
  let admission: 'serve' | 'busy' | { refresh: number } = 'serve';
  let gated = 0;
  const { remote, root, store } = await served(t, {
    admit(epoch, key) {
      asked.push([epoch, key]);
      return admission;
    },
    gate(request) {
      gated += 1;
      return request.caller;
    },
  });
  const f = await remote.create(ann, root, 'f', file);
  await remote.link(ann, f, root, 'g');
  await remote.rename(ann, root, 'g', f, 'h').catch(() => {});
  await remote.statfs();
  await remote.find(f.key);
  t.strictSame(
    asked,
    [
      [2, null],
      [2, ROOT_KEY],
      [2, ROOT_KEY],
      [2, ROOT_KEY],
      [2, null],
      [2, f.key],
    ],
    'the owner is that of the directory of a new name, of the from-directory, of the flare',
  );
  gated = 0;
  admission = { refresh: 9 };
  await t.rejects(remote.remove(ann, root, 'f'), { name: 'RefreshError', epoch: 9 });
  admission = 'busy';
  await t.rejects(remote.remove(ann, root, 'f'), /another operation/);
  t.equal(gated, 0);
  t.ok(store.lookup(ann, root, 'f'));
});

t.test('the gate decides who asks, for each flare that is named; it sees the client and the access', async (t) => {
  const seen: GateRequest[] = [];
  const { remote, root, store } = await served(
    t,
    {
      gate(request) {
        seen.push(request);
        if (request.access === 'write' && request.flares.length === 2) throw FlareError.of('ROFS');
        return request.caller && { ...request.caller, uid: 77 };
      },
    },
    '192.0.2.7',
  );
  const f = await remote.create(ann, root, 'f', file);
  t.equal(f.uid, 77, 'squashed');
  await t.rejects(remote.rename(ann, root, 'f', root, 'g'), { name: 'FlareError', status: 'ROFS' });
  await remote.getattr(f);
  await remote.find(f.key);
  t.ok(store.lookup(ann, root, 'f'));
  const { key, generation } = root;
  t.match(seen.slice(1), [
    { client: '192.0.2.7', access: 'write', caller: ann, flares: [{ key, generation }] },
    {
      access: 'write',
      flares: [
        { key, generation },
        { key, generation },
      ],
    },
    { access: 'read', caller: undefined, flares: [{ key: f.key, generation: f.generation }] },
    { access: 'read', caller: undefined, flares: [{ key: f.key, generation: null }] },
  ]);
  t.equal(seen[1]!.call.client.address, '127.0.0.1');
});

/** Serves one call as the RPC layer does: its arguments lie in a buffer that is used again as soon as the handler returns. */
function handled(parts: Partial<FlareProgramParts>, name: keyof typeof procedures, args: object) {
  const service = new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
  const whole = { service, admit: () => 'serve' as const, gate: () => ann, projection: () => null, ...parts };
  const { number } = procedures[name];
  const procedure = flareProgram(whole).versions.get(FLARE_VERSION)!.get(number)!;
  const head = { epoch: 1, client: Buffer.alloc(0), caller: { uid: 1, gid: 10, gids: [], replay: Buffer.from(name) } };
  const bytes = procedure.arguments.encode({ ...head, ...args });
  const answer = procedure.handle(procedure.arguments.decode(bytes), { client: {} } as CallContext);
  bytes.fill(0xee);
  return answer;
}

t.test(
  'calls that wait for admission or gate keep their bytes, whatever comes into the receive buffer meanwhile',
  async (t) => {
    const later: readonly Partial<FlareProgramParts>[] = [
      { admit: () => Promise.resolve('serve' as const) },
      { gate: ({ caller }) => Promise.resolve(caller) },
    ];
    for (const parts of later) {
      const service = new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
      const f = service.create(ann, service.root(), 'f', file);
      const id = { key: Buffer.from(f.key, 'latin1'), generation: f.generation };
      const wrote = await handled({ ...parts, service }, 'WRITE', {
        id,
        version: null,
        offset: 0,
        data: Buffer.from('the data'),
      });
      t.match(wrote, { ended: 0, value: { size: 8 } });
      t.strictSame(service.read(ann, f, 0, 8).data, Buffer.from('the data'));
      const moved = {
        from: wireRoot(service),
        fromName: Buffer.from('f'),
        to: wireRoot(service),
        toName: Buffer.from('name'),
      };
      t.match(await handled({ ...parts, service }, 'RENAME', moved), { ended: 0 });
      t.equal(service.lookup(ann, service.root(), 'name').key, f.key);
    }
  },
);

t.test('a server bounds READ and READDIR whatever it is asked for', async (t) => {
  const service = new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
  for (let at = 0; at <= READDIR_MAX; at++) service.create(ann, service.root(), `${at}`, file);
  const listed = await handled({ service }, 'READDIR', { directory: wireRoot(service), cookie: 0, limit: 2 ** 32 - 1 });
  t.match(listed, { value: { entries: { length: READDIR_MAX }, end: false } });
  const read = handled({ service }, 'READ', { id: wireRoot(service), offset: 0, count: READ_MAX + 1 });
  t.strictSame(read, { ended: 1, status: FlareStatus.INVAL });
});

t.test('what the service behind rejects with becomes refresh, busy or a failed call', async (t) => {
  let error: Error = new BusyError();
  const store = new MemoryService({ clock: manualClock(), random: seededRandom(1) });
  const service = new Proxy(store, {
    get: (target, name) => (name === 'getattr' ? () => Promise.reject(error) : Reflect.get(target, name).bind(target)),
  });
  const { remote, root } = await served(t, { service });
  await t.rejects(remote.getattr(root), /another operation/);
  error = new RefreshError(12);
  await t.rejects(remote.getattr(root), { name: 'RefreshError', epoch: 12 });
  error = new ElsewhereError();
  await t.rejects(remote.getattr(root), { name: 'RefreshError', epoch: projection.epoch });
  error = new Error('the log has failed');
  await t.rejects(remote.getattr(root), RpcError);
});

t.test('PROJECTION: the newest, for who is behind', async (t) => {
  const { link } = await served(t);
  t.strictSame(await readProjection(link.client, 1), projection);
  t.equal(await readProjection(link.client, projection.epoch), null);
});

t.test('which share a flare counts in is for volcanos to say, not for clients (docs/quotas.md)', async (t) => {
  const root = { uid: 0, gid: 0, gids: [] };
  for (const [assigns, share] of [
    [true, 7],
    [false, 0],
  ] as const) {
    const { store, remote } = await served(t, { assigns });
    const change = Promise.resolve(remote.setattr(root, store.root(), { share: 7 }));
    if (assigns) await change;
    else t.match(await change.catch((error: unknown) => error), { status: 'PERM' });
    t.equal((await store.getattr(store.root())).share, share);
  }
});
