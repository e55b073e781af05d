import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { type ManualClock, manualClock } from '../../base/testing/manual-clock.ts';
import { RetryError } from '../../dht/owners.ts';
import { flareProgram } from '../../dht/programs/flare/program.ts';
import { FLARE_VERSION } from '../../dht/programs/flare/schema.ts';
import { ownerOfKey } from '../../dht/projection/queries.ts';
import type { Projection } from '../../dht/projection/types.ts';
import { alone, member } from '../../dht/testing/members.ts';
import { UnavailableError } from '../../flare/errors.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import { type Caller, FlareType } from '../../flare/types.ts';
import type { CallContext, Program } from '../../rpc/program.ts';
import { type LinkMaker, Members } from './members.ts';
import { LATE_MS, RingService } from './ring-service.ts';

/* A client's calls over the flare program: to the owner, again when that could not be, done once, and not for ever (docs/mount.magma.md). */

const ROOT: Caller = { uid: 0, gid: 0, gids: [] };
const SEED = { address: '192.0.2.1', port: 12_000 };

/** As `alone`, of two volcanos of which the second owns all slices from the middle on. */
function shared(): Projection {
  const one = alone();
  const volcanos = [...one.volcanos, { ...member(1), state: 'serving' as const }];
  const map = one.map.map((assignment, slice) => (slice < one.slices / 2 ? assignment : { ...assignment, primary: 1 }));
  return { ...one, epoch: one.epoch + 1, volcanos, map };
}

/** Volcanos in front of one tree, each of which serves what the map says is its own; and a client of theirs. */
class Net {
  readonly clock: ManualClock = manualClock();
  readonly random = seededRandom(1);
  readonly tree = new MemoryService({ clock: this.clock, random: this.random, root: { mode: 0o777 } });
  projection: Projection = alone();
  /** Whose links are cut, by name. */
  readonly down = new Set<string>();
  /** Who takes calls and says nothing. */
  readonly hung = new Set<string>();
  /** So many answers are lost, of calls that are done. */
  lost = 0;
  /** Which volcano served what, by nickname and procedure's name. */
  readonly served: string[] = [];
  readonly #programs = new Map<string, Program>();

  readonly connect: LinkMaker = (_name, [to]) => {
    const index = to!.address === SEED.address ? 0 : Number(to!.address.split('.').at(-1));
    const closed = Promise.withResolvers<never>();
    closed.promise.catch(() => {});
    return {
      call: async (procedure, args) => {
        const nickname = `v${index}`;
        if (this.hung.has(nickname)) return closed.promise;
        if (this.down.has(nickname)) throw new RetryError(`${nickname} did not answer`);
        const found = this.#program(nickname).versions.get(FLARE_VERSION)!.get(procedure.procedure)!;
        this.served.push(`${nickname} ${found.name}`);
        const bytes = procedure.arguments.encode(args);
        const answer = await found.handle(found.arguments.decode(bytes), {} as CallContext);
        if (found.name !== 'PROJECTION' && this.lost > 0) {
          this.lost -= 1;
          throw new RetryError('the answer was lost');
        }
        return procedure.result.decode(found.result.encode(answer));
      },
      close: async () => closed.reject(new RetryError('the link has been closed')),
    };
  };

  #program(nickname: string): Program {
    let program = this.#programs.get(nickname);
    if (program === undefined) {
      program = flareProgram({
        service: this.tree,
        admit: (epoch, key) => {
          const { projection } = this;
          const own = key === null || ownerOfKey(projection, key).nickname === nickname;
          return key === null || (epoch === projection.epoch && own) ? 'serve' : { refresh: projection.epoch };
        },
        gate: ({ caller }) => caller,
        projection: () => this.projection,
      });
      this.#programs.set(nickname, program);
    }
    return program;
  }

  async client(patienceMs = 30_000): Promise<RingService> {
    const members = await Members.open(this.connect, [SEED]);
    return new RingService(members, { clock: this.clock, random: this.random, patienceMs });
  }

  /** Lets time pass until it is settled; how much, in milliseconds. */
  async passing(work: Promise<unknown>): Promise<number> {
    const began = this.clock.monotonic();
    let over = false;
    const settled = work.then(
      () => {
        over = true;
      },
      () => {
        over = true;
      },
    );
    while (!over) {
      await new Promise(setImmediate);
      this.clock.advance(10);
    }
    await settled;
    return this.clock.monotonic() - began;
  }
}

const FILE = { type: FlareType.file, mode: 0o644 } as const;

t.test('each call goes to the owner, and a newer map is followed', async (t) => {
  const net = new Net();
  const client = await net.client();
  t.same(client.root(), net.tree.root());
  const made = await Promise.all(
    Array.from({ length: 40 }, (_, at) => client.create(ROOT, client.root(), `f${at}`, FILE)),
  );
  t.notMatch(net.served.join(), /v1/);
  net.projection = shared();
  net.served.length = 0;
  const reading = Promise.all(made.map((id) => client.getattr(id)));
  await net.passing(reading);
  t.same(await reading, made);
  const owners = made.map(({ key }) => ownerOfKey(net.projection, key).nickname);
  t.ok(owners.includes('v0') && owners.includes('v1'), 'they are spread');
  net.served.length = 0;
  await Promise.all(made.map((id) => client.getattr(id)));
  t.same(
    net.served,
    owners.map((owner) => `${owner} GETATTR`),
    'at once, and once each',
  );
});

t.test('a change whose answer is lost is asked again and done once', async (t) => {
  const net = new Net();
  const client = await net.client();
  net.lost = 3;
  const making = client.create(ROOT, client.root(), 'a', FILE);
  await net.passing(making);
  t.match(await making, { type: FlareType.file }, 'and not EXIST');
  const id = await making;
  net.lost = 2;
  const removing = client.remove(ROOT, client.root(), 'a');
  await net.passing(removing);
  t.equal(await removing, undefined, 'and not NOENT');
  await t.rejects(client.getattr(id), { name: 'FlareError', status: 'STALE' });
  const two = await Promise.all([net.client(), net.client()]);
  await two[0].create(ROOT, client.root(), 'b', FILE);
  await t.rejects(
    two[1].create(ROOT, client.root(), 'b', FILE),
    { name: 'FlareError', status: 'EXIST' },
    'clients are told apart',
  );
});

t.test('a volcano that stays away is waited for as long as was said, and not longer', async (t) => {
  const net = new Net();
  for (const patience of [500, 30_000]) {
    const client = await net.client(patience);
    net.down.add('v0');
    const asking = client.getattr(client.root());
    const took = await net.passing(asking);
    await t.rejects(asking, UnavailableError);
    t.ok(took >= patience && took < patience + 1000, `${took} ms`);
    net.down.delete('v0');
    t.equal((await client.getattr(client.root())).type, FlareType.directory, 'it is back');
  }
});

t.test('with no bound it is waited for until it is back', async (t) => {
  const net = new Net();
  const client = await net.client(Number.POSITIVE_INFINITY);
  net.down.add('v0');
  net.clock.after(120_000, () => net.down.delete('v0'));
  const asking = client.statfs();
  t.ok((await net.passing(asking)) >= 120_000);
  t.match(await asking, { flares: 1 });
});

t.test('a call that waits for a volcano which has been taken over from is made again, of who has', async (t) => {
  for (const how of ['hung', 'down'] as const) {
    const net = new Net();
    net.projection = shared();
    const client = await net.client();
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, at) => client.create(ROOT, client.root(), `f${at}`, FILE)),
    );
    const moved = made.filter(({ key }) => ownerOfKey(net.projection, key).nickname === 'v1');
    t.ok(moved.length > 0);
    net[how].add('v1');
    const asking = Promise.all(moved.map((id) => client.getattr(id)));
    net.clock.after(5000, () => {
      const { map, epoch, ...rest } = net.projection;
      net.projection = { ...rest, epoch: epoch + 1, map: map.map((one) => ({ ...one, primary: 0 })) };
    });
    const took = await net.passing(asking);
    t.same(await asking, moved);
    t.ok(took >= 5000 && took < 5000 + 4 * LATE_MS, `${took} ms`);
  }
});

t.test(
  'who is mounted through a volcano that is gone, and has asked no other, finds another one by the map',
  async (t) => {
    const net = new Net();
    net.projection = shared();
    const client = await net.client();
    await client.getattr(client.root());
    net.down.add('v0');
    const { map, epoch, ...rest } = net.projection;
    net.projection = { ...rest, epoch: epoch + 1, map: map.map((one) => ({ ...one, primary: 1 })) };
    const asking = client.getattr(client.root());
    await net.passing(asking);
    t.equal((await asking).type, FlareType.directory);
  },
);
