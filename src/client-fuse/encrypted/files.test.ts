import fc from 'fast-check';
import t from 'tap';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { ALICE, FILE, ROOT, statusOf, testStore } from '../../flare/store/testing/harness.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import type { Caller, FlareId } from '../../flare/types.ts';
import type { Goal } from '../crypto/changes.ts';
import { CIPHER_BLOCK_BYTES, cipherSize, HEADER_BYTES, PLAIN_BLOCK_BYTES } from '../crypto/sizes.ts';
import { bytesOf, seededTree } from '../crypto/testing/keys.ts';
import { outcome } from '../crypto/testing/model.ts';
import { plainAttributes } from './attributes.ts';
import { EncryptedFiles } from './files.ts';
import { SPARE_BYTES_LEAST } from './spare-memory.ts';
import { slow } from './testing/services.ts';

const { contents } = seededTree(1);
const ALL = 1_000_000;

function memory(): MemoryService {
  return new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
}

async function newFile(service: FlareService, caller: Caller = ROOT, mode = 0o644): Promise<FlareId> {
  return service.create(caller, service.root(), 'file', { ...FILE, mode });
}

function client(service: FlareService, logger: Logger = silentLogger, blocksPerChange?: number): EncryptedFiles {
  return new EncryptedFiles({
    service,
    contents,
    logger,
    ...(blocksPerChange === undefined ? {} : { blocksPerChange }),
  });
}

const places = fc.oneof(fc.nat(20_000), fc.constantFrom(0, 4095, 4096, 4097, 8192, 12_288));
const goals: fc.Arbitrary<Goal> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), offset: places, data: bytesOf(0, 9000) }),
  fc.record({ kind: fc.constant('append' as const), data: bytesOf(0, 5000) }),
  fc.record({ kind: fc.constant('resize' as const), size: places }),
);

async function play(service: () => Promise<FlareService>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(goals, { maxLength: 8 }), places, async (list, offset) => {
      const store = await service();
      const id = await newFile(store);
      const used = client(store, silentLogger, 2);
      for (const goal of list) {
        const attributes = await used.change(ROOT, id, goal);
        if (attributes.version !== (await store.getattr(id)).version) return false;
      }
      const wanted = outcome(list);
      const { data, attributes } = await used.read(ROOT, id, offset, 5000);
      return (
        data.equals(wanted.subarray(offset, offset + 5000)) &&
        (await client(store).read(ROOT, id, 0, ALL)).data.equals(wanted) &&
        plainAttributes(attributes).size === wanted.length
      );
    }),
    { numRuns: 40 },
  );
}

t.test('any writes, appends and cuts over a service in memory', () => play(async () => memory()));

t.test('any writes, appends and cuts over the real store', () => play(async () => (await testStore()).store));

t.test('clients at once, over the real store: no write is lost, each append is there once, one header', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 3, maxLength: 9 }),
      fc.nat(),
      fc.boolean(),
      async (lengths, seed, appends) => {
        const { store } = await testStore();
        const id = await newFile(store);
        const clients = [0, 1, 2].map((which) => client(slow(store, seed + which)));
        let at = 0;
        const list = lengths.map((length, index): Goal & { data: Buffer } => {
          const data = Buffer.alloc(length, index + 1);
          at += length;
          return appends ? { kind: 'append', data } : { kind: 'write', offset: at - length, data };
        });
        await Promise.all(list.map((goal, index) => clients[index % 3]!.change(ROOT, id, goal)));
        const plain = (await clients[0]!.read(ROOT, id, 0, ALL)).data;
        if (!appends) return plain.equals(Buffer.concat(list.map(({ data }) => data)));
        const order = [...new Set(plain)];
        return plain.equals(Buffer.concat(order.map((byte) => list[byte - 1]!.data))) && order.length === list.length;
      },
    ),
    { numRuns: 60 },
  );
});

t.test('a reader beside writers sees the file as it was at one moment', async (t) => {
  const { store } = await testStore();
  const id = await newFile(store);
  const [writer, reader] = [client(slow(store, 3)), client(slow(store, 4))];
  const fill = (byte: number, size: number) => Buffer.alloc(size, byte);
  await writer.change(ROOT, id, { kind: 'write', offset: 0, data: fill(1, 10_000) });
  const writing = (async () => {
    for (let byte = 2; byte < 60; byte++) {
      // Cut to nothing and written again it has another header, and other blocks at the same places.
      if (byte % 5 === 0) await writer.change(ROOT, id, { kind: 'resize', size: 0 });
      await writer.change(ROOT, id, { kind: 'write', offset: 0, data: fill(byte, 10_000) });
    }
    return true;
  })();
  let done = false;
  writing.then(() => {
    done = true;
  });
  const seen = new Set<number>();
  while (!done) {
    const { data } = await reader.read(ROOT, id, 0, 10_000);
    if (data.length > 0) seen.add(data[0]!);
    if (data.length !== 0 && !data.equals(fill(data[0]!, 10_000))) t.fail('parts of two versions');
    // The store's disk answers in a later turn of the event loop.
    await new Promise(setImmediate);
  }
  t.ok(seen.size > 5, `saw ${seen.size} versions`);
});

t.test('what others did is seen by a client that knows an older file', async (t) => {
  const service = memory();
  const id = await newFile(service);
  const [one, other] = [client(service), client(service)];
  const text = async (files: EncryptedFiles) => (await files.read(ROOT, id, 0, ALL)).data.toString();
  await one.change(ROOT, id, { kind: 'write', offset: 0, data: Buffer.from('one') });
  t.equal(await text(other), 'one');
  await one.change(ROOT, id, { kind: 'append', data: Buffer.from(' more') });
  t.equal(await text(other), 'one more', 'it is longer');
  await one.change(ROOT, id, { kind: 'resize', size: 0 });
  t.equal(await text(other), '', 'it is empty');
  await one.change(ROOT, id, { kind: 'write', offset: 0, data: Buffer.from('another header') });
  await other.change(ROOT, id, { kind: 'write', offset: 8, data: Buffer.from('HEADER') });
  t.equal(await text(one), 'another HEADER');
});

t.test('what others write while a file is cut inside a block is not lost', async (t) => {
  const service = memory();
  const id = await newFile(service);
  const rival = client(service);
  await rival.change(ROOT, id, { kind: 'write', offset: 0, data: Buffer.alloc(5000, 97) });
  let interfere = true;
  const watched: FlareService = new Proxy(service, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name !== 'setattr') return typeof member === 'function' ? member.bind(target) : member;
      return async (...args: Parameters<FlareService['setattr']>) => {
        if (interfere) {
          interfere = false;
          await rival.change(ROOT, id, { kind: 'write', offset: 1, data: Buffer.from('b') });
        }
        return target.setattr(...args);
      };
    },
  });
  await client(watched).change(ROOT, id, { kind: 'resize', size: 4 });
  t.equal((await rival.read(ROOT, id, 0, ALL)).data.toString(), 'abaa');
});

t.test('a damage that another client has cured is not remembered', async (t) => {
  const service = memory();
  const id = await newFile(service);
  const [one, other] = [client(service), client(service)];
  await service.write(ROOT, id, 0, Buffer.alloc(5));
  t.equal(await statusOf(() => one.read(ROOT, id, 0, 10)), 'IO');
  await other.change(ROOT, id, { kind: 'resize', size: 0 });
  await service.setattr(ROOT, id, { size: HEADER_BYTES + CIPHER_BLOCK_BYTES + 9 });
  t.equal(await statusOf(() => one.read(ROOT, id, 0, 10)), 'IO', 'no header');
  await other.change(ROOT, id, { kind: 'resize', size: 0 });
  await other.change(ROOT, id, { kind: 'write', offset: 0, data: Buffer.alloc(9000, 1) });
  await service.setattr(ROOT, id, { size: HEADER_BYTES + CIPHER_BLOCK_BYTES + 9 });
  t.equal(await statusOf(() => one.read(ROOT, id, 0, 9000)), 'IO', 'cut short');
  await other.change(ROOT, id, { kind: 'resize', size: 4096 });
  t.same((await one.read(ROOT, id, 0, 9000)).data, Buffer.alloc(4096, 1));
});

t.test('with a version a change is made at that one only', async (t) => {
  const service = memory();
  const id = await newFile(service);
  const files = client(service);
  const { version } = await files.change(ROOT, id, { kind: 'write', offset: 0, data: Buffer.alloc(5000, 1) });
  const goal: Goal = { kind: 'write', offset: 20_000, data: Buffer.from('x') };
  t.equal(await statusOf(() => files.change(ROOT, id, goal, version - 1)), 'VERSION');
  await files.change(ROOT, id, goal, version);
  t.equal(await statusOf(() => files.change(ROOT, id, goal, version)), 'VERSION');
  t.equal((await files.read(ROOT, id, 0, ALL)).data.length, 20_001, 'all steps of one change');
});

t.test('refusals of the service come through; nothing to do is still asked for', async (t) => {
  const service = memory();
  const id = await newFile(service, ROOT, 0o600);
  const files = client(service);
  for (const goal of [
    { kind: 'append', data: Buffer.alloc(1) },
    { kind: 'append', data: Buffer.alloc(0) },
    { kind: 'resize', size: 0 },
  ] as const) {
    t.equal(await statusOf(() => files.change(ALICE, id, goal)), 'ACCES');
  }
  t.equal(await statusOf(() => files.read(ALICE, id, 0, 1)), 'ACCES');
  t.equal(await statusOf(() => files.read(ROOT, { ...id, generation: id.generation + 1 }, 0, 1)), 'STALE');
  t.equal(await statusOf(() => files.change(ROOT, id, { kind: 'resize', size: 2 ** 52 })), 'FBIG');
  t.equal(await statusOf(() => files.change(ROOT, id, { kind: 'resize', size: Number.MAX_SAFE_INTEGER })), 'FBIG');
});

t.test('a file that others keep changing: IO after a number of tries, and not for ever', async (t) => {
  const service = memory();
  const id = await newFile(service);
  let asked = 0;
  const contended: FlareService = new Proxy(service, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name !== 'write') return typeof member === 'function' ? member.bind(target) : member;
      return () => {
        asked++;
        throw FlareError.of('VERSION');
      };
    },
  });
  t.equal(await statusOf(() => client(contended).change(ROOT, id, { kind: 'append', data: Buffer.alloc(1) })), 'IO');
  t.equal(asked, 100);
});

t.test('tampering is IO and a line in the log with the flare and the block, never wrong data', async (t) => {
  const size = cipherSize(3 * PLAIN_BLOCK_BYTES);
  const damages: Record<string, (service: FlareService, id: FlareId, bytes: Buffer) => unknown> = {
    'a bit of the second block': (service, id, bytes) => {
      const at = HEADER_BYTES + CIPHER_BLOCK_BYTES + 100;
      return service.write(ROOT, id, at, Buffer.from([bytes[at]! ^ 1]));
    },
    'blocks swapped': (service, id, bytes) => {
      const at = HEADER_BYTES + CIPHER_BLOCK_BYTES;
      return service.write(ROOT, id, at, bytes.subarray(at + CIPHER_BLOCK_BYTES));
    },
    'cut inside a block': (service, id) => service.setattr(ROOT, id, { size: size - 1 }),
    'cut inside the overhead': (service, id) => service.setattr(ROOT, id, { size: size - CIPHER_BLOCK_BYTES + 20 }),
    'cut inside the header': (service, id) => service.setattr(ROOT, id, { size: 17 }),
    'another version in the header': (service, id) => service.write(ROOT, id, 0, Buffer.from([0, 3])),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const service = memory();
    const id = await newFile(service);
    const lines: object[] = [];
    const files = client(service, { ...silentLogger, error: (fields) => void lines.push(fields) });
    await files.change(ROOT, id, { kind: 'write', offset: 0, data: Buffer.alloc(3 * PLAIN_BLOCK_BYTES, 7) });
    await damage(service, id, Buffer.from(service.read(ROOT, id, 0, size).data));
    t.equal(await statusOf(() => files.read(ROOT, id, 0, 3 * PLAIN_BLOCK_BYTES)), 'IO', name);
    t.match(lines, [{ flare: Buffer.from(id.key, 'latin1').toString('hex'), fault: /BLOCK|HEADER/ }], name);
    const whole = !name.includes('header');
    if (whole) t.same((await files.read(ROOT, id, 0, 4000)).data, Buffer.alloc(4000, 7), `${name}: the rest is there`);
    await files.change(ROOT, id, { kind: 'resize', size: 0 });
    t.same((await files.read(ROOT, id, 0, 4000)).data, Buffer.alloc(0), `${name}: cut to nothing it is whole again`);
  }
});

t.test('large writes and reads at once, whose memory is used again: each keeps its own until it is done', async (t) => {
  const store = memory();
  const files = client(slow(store, 5));
  const size = 10 * SPARE_BYTES_LEAST;
  const ids: FlareId[] = [];
  for (let index = 0; index < 6; index++) ids.push(await store.create(ROOT, store.root(), `file ${index}`, FILE));
  for (let round = 0; round < 3; round++) {
    const wanted = ids.map((_, index) => Buffer.alloc(size - 100 * round, 10 * round + index));
    await Promise.all(
      ids.map((id, index) => files.change(ROOT, id, { kind: 'write', offset: 0, data: wanted[index]! })),
    );
    const same = await Promise.all(
      ids.map(async (id, index) => (await files.read(ROOT, id, 0, wanted[index]!.length)).data.equals(wanted[index]!)),
    );
    t.strictSame(
      same,
      ids.map(() => true),
    );
  }
});
