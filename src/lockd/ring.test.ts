import t, { type Test } from 'tap';
import { DEFAULT_OPTIONS } from '../acl/options.ts';
import { silentLogger } from '../base/logger.ts';
import { noteLoss } from '../dht/losses.ts';
import { releaseEverywhere } from '../dht/release-holder.ts';
import { mirroredRing } from '../dht/testing/mirrored.ts';
import type { VirtualRing } from '../dht/testing/virtual-ring.ts';
import { NOTES_MS } from '../dht/volcano/network-notes.ts';
import { sliceOf } from '../flare/keys.ts';
import { FILE, ROOT } from '../flare/store/testing/harness.ts';
import type { Attributes } from '../flare/types.ts';
import { Handles } from '../nfs2/handle.ts';
import { type CallContext, DROP } from '../rpc/program.ts';
import { CallBack } from './call-back.ts';
import { type Lockd, openLockd } from './lockd.ts';
import { NlmStatus, type UnlockArguments } from './nlm/schema.ts';
import { Hosts } from './nsm/hosts.ts';
import { GRACE_MS } from './nsm/state.ts';

/* Lock managers of several volcanos of one ring, on virtual time: any of them answers for all locks, and a volcano that dies takes none with it (docs/locks.md). */

const VOLCANOS = 3;
const FILES = 12;
const { GRANTED, DENIED, BLOCKED } = NlmStatus;

interface World {
  readonly ring: VirtualRing;
  readonly files: readonly Attributes[];
  /** Addresses of clients that were called. */
  readonly told: string[];
  ask(
    through: number,
    client: string,
    procedure: 'LOCK' | 'UNLOCK',
    file: Attributes,
    block?: boolean,
    reclaim?: boolean,
  ): Promise<number>;
  /** NOTIFY, said again until it is answered. */
  notify(through: number, client: string, state: number): Promise<void>;
  /** The nickname of a file's primary, as a volcano that runs knows it. */
  ownerOf(file: Attributes, by: number): string;
}

const NUMBERS = { LOCK: 2, UNLOCK: 4 } as const;

async function world(t: Test): Promise<World> {
  const ring = await mirroredRing(VOLCANOS);
  t.teardown(() => ring.close());
  const told: string[] = [];
  const handles = new Handles(Buffer.alloc(32, 1), ring.volcanos[0]!.up.tree);
  const lockds = ring.volcanos.map((volcano): Lockd => {
    const { tree, notes, view } = volcano.up;
    const clock = volcano.clock!;
    const own = new Handles(Buffer.alloc(32, 1), tree);
    class Silent extends CallBack {
      override async call(to: Parameters<CallBack['call']>[0]): Promise<any> {
        told.push(to.client.address);
        return { cookie: Buffer.alloc(0), status: GRANTED };
      }
    }
    return openLockd({
      ...{ service: tree, notes, clock, random: ring.random(), logger: silentLogger },
      gate: { access: () => ({ permission: 'w', options: DEFAULT_OPTIONS, rule: null, reason: '' }) },
      open: (handle) => own.open(handle),
      isOurs: (handle) => own.isOurs(handle),
      release: (holder) => releaseEverywhere(view, holder),
      hosts: new Hosts(notes, clock, silentLogger),
      callBack: new Silent({ net: undefined as never, clock, random: ring.random() }),
      name: () => 'lava',
    });
  });
  const files: Attributes[] = [];
  const { flares } = ring.volcanos[0]!.up;
  for (let at = 0; at < FILES; at++) {
    const made = flares.create(ROOT, flares.root(), `f${at}`, { ...FILE, mode: 0o666 });
    files.push(await ring.settle(Promise.resolve(made)));
  }
  let calls = 0;
  const call = (client: string): CallContext => {
    const xid = ++calls;
    return {
      ...{ transport: 'udp', client: { address: client, port: 700 }, server: { address: '10.9.9.9', port: 1 }, xid },
      ...{ credential: { flavor: 'none' }, replayIdentity: () => `${client} ${xid}` },
    };
  };
  const procedure = (through: number, program: number, number: number) =>
    lockds[through]!.programs[program]!.versions.get(1)!.get(number)!;
  return {
    ...{ ring, files, told },
    async ask(through, client, name, file, block = false, reclaim = false) {
      const bytes = { caller: Buffer.from(client), handle: handles.issue(file, 1), owner: Buffer.from('o') };
      const lock = { ...bytes, svid: 1, offset: 0, length: 0 };
      const asked: UnlockArguments = { cookie: Buffer.from('c'), lock };
      const args = { ...asked, block, exclusive: true, reclaim, state: 1 };
      const answer = procedure(through, 0, NUMBERS[name]).handle(args, call(client));
      const result = await ring.settle(Promise.resolve(answer));
      return result === DROP ? -1 : (result as { status: number }).status;
    },
    async notify(through, client, state) {
      for (;;) {
        const answer = procedure(through, 1, 6).handle({ name: Buffer.from(client), state }, call(client));
        if ((await ring.settle(Promise.resolve(answer))) !== DROP) return;
        await ring.time.run(1000);
      }
    },
    ownerOf(file, by) {
      const { map, volcanos } = ring.volcanos[by]!.up.projection();
      return volcanos[map[sliceOf(file.key)]!.primary]!.nickname;
    },
  };
}

t.test(
  'a lock at one volcano excludes at all others, whoever owns the file; its holder may give it back anywhere',
  async (t) => {
    const { files, ask, ownerOf } = await world(t);
    t.equal(new Set(files.map((file) => ownerOf(file, 0))).size, VOLCANOS, 'the files are spread');
    for (const [at, file] of files.entries()) {
      const through = at % VOLCANOS;
      t.equal(await ask(through, 'a', 'LOCK', file), GRANTED);
      for (let other = 0; other < VOLCANOS; other++) t.equal(await ask(other, 'b', 'LOCK', file), DENIED);
      t.equal(await ask((through + 1) % VOLCANOS, 'a', 'LOCK', file), GRANTED, 'he has it: also by way of another one');
      t.equal(await ask((through + 2) % VOLCANOS, 'a', 'UNLOCK', file), GRANTED);
      t.equal(await ask(through, 'b', 'LOCK', file), GRANTED);
    }
  },
);

t.test('who waits at one volcano is told when the lock is given back at another', async (t) => {
  const { ring, files, told, ask } = await world(t);
  for (const file of files.slice(0, VOLCANOS)) {
    told.length = 0;
    t.equal(await ask(0, 'a', 'LOCK', file), GRANTED);
    t.equal(await ask(1, 'b', 'LOCK', file, true), BLOCKED);
    await ring.time.run(10_000);
    t.same(told, []);
    t.equal(await ask(2, 'a', 'UNLOCK', file), GRANTED);
    await ring.time.run(3000);
    t.same(told, ['b']);
    t.equal(await ask(0, 'a', 'LOCK', file), DENIED);
  }
});

t.test(
  'the death of a volcano takes no lock with it, and a client that starts anew meanwhile loses all of its',
  async (t) => {
    const { ring, files, ask, notify, ownerOf } = await world(t);
    for (const file of files) t.equal(await ask(2, 'a', 'LOCK', file), GRANTED);
    const owned = files.filter((file) => ownerOf(file, 0) === 'v1');
    t.ok(owned.length > 0);
    ring.kill(1, 'power');
    for (const file of owned) {
      t.equal(await ask(0, 'b', 'LOCK', file), DENIED, 'once another one serves it');
      t.equal(await ask(2, 'a', 'LOCK', file), GRANTED, 'its holder has it, and may take it again');
      t.not(ownerOf(file, 0), 'v1');
    }
    await notify(0, 'a', 3);
    for (const file of files) t.equal(await ask(2, 'b', 'LOCK', file), GRANTED);
    await notify(2, 'a', 3);
    for (const file of files) t.equal(await ask(0, 'a', 'LOCK', file), DENIED);
  },
);

t.test(
  'records were lost: within seconds every volcano gives locks only to those who say that they had them',
  async (t) => {
    const { ring, files, told, ask } = await world(t);
    const [file] = files;
    t.equal(await ask(2, 'a', 'LOCK', file!), GRANTED);
    const { clock, up } = ring.volcanos[0]!;
    await ring.settle(noteLoss(up.notes, clock!));
    await ring.time.run(2 * NOTES_MS);
    for (let through = 0; through < VOLCANOS; through++) {
      t.equal(await ask(through, 'b', 'LOCK', files[1]!), NlmStatus.DENIED_GRACE_PERIOD);
      t.equal(await ask(through, 'a', 'LOCK', file!, false, true), GRANTED);
      t.equal(await ask(through, 'b', 'LOCK', file!, false, true), DENIED);
    }
    await ring.time.run(2 * NOTES_MS);
    t.ok(told.includes('a'), 'who has had locks is told');
    t.notOk(told.includes('b'));
    await ring.time.run(GRACE_MS);
    t.equal(await ask(1, 'b', 'LOCK', files[1]!), GRANTED);
  },
);

t.test('a NOTIFY while a volcano is silent is answered only when all locks have ended', async (t) => {
  const { ring, files, ask, notify } = await world(t);
  for (const file of files) await ask(2, 'a', 'LOCK', file);
  ring.kill(1);
  await notify(0, 'a', 3);
  for (const file of files) t.equal(await ask(2, 'b', 'LOCK', file), GRANTED);
});
