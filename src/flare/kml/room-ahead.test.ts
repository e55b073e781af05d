import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { chooseSeed } from '../../base/testing/seed.ts';
import { SEGMENT_HEADER_BYTES, segmentName } from './format.ts';
import { FREE_BYTES_LEAST, PIECE_BYTES_MAX, RoomAhead, SMALL_BATCH_BYTES, SMALL_BATCHES_LEAST } from './room-ahead.ts';
import { group, openLog } from './testing/harness.ts';
import { slowZeros, ZerosDisk } from './testing/zeros-disk.ts';
import type { Kml } from './types.ts';

const SEGMENT = 64 * 1024;
const NAME = segmentName(1);

/** Appends `count` groups of `length` bytes, one at a time. */
async function appendAll(kml: Kml, count: number, length: number): Promise<void> {
  for (let at = 0; at < count; at++) await kml.whenDurable(kml.append([Buffer.alloc(length, 1)]).lsn);
  // What is laid out behind the last of them takes a few turns.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Has a disk hold back zeros until `go` is called; `begun` are where those writes begin. */
function holdBack(disk: ZerosDisk): { begun: number[]; go: () => void } {
  const begun: number[] = [];
  const gate = Promise.withResolvers<void>();
  disk.zeros = (write) => async (buffers, position) => {
    begun.push(position);
    await gate.promise;
    await write(buffers, position);
  };
  return { begun, go: gate.resolve };
}

t.test(
  'architecture.md, Segments: zeros lie behind short batches before they are needed, and go at the end',
  async (t) => {
    const disk = new SimulatedDisk();
    const { kml } = await openLog(disk, { segmentBytes: SEGMENT });
    await appendAll(kml, SMALL_BATCHES_LEAST - 1, 100);
    t.equal(disk.content(NAME).length, kml.durableMark.position, 'nothing is laid out for a few');
    let most = 0;
    for (let count = 0; count < 60; count++) {
      await appendAll(kml, 1, 900);
      const bytes = disk.content(NAME);
      const end = kml.durableMark.position;
      const ahead = bytes.length - end;
      t.ok(ahead > 0 && bytes.subarray(end).every((byte) => byte === 0), `${ahead} bytes ahead at byte ${end}`);
      most = Math.max(most, ahead);
    }
    t.ok(most <= (SEGMENT / 16) * 1.5, `at most ${most} bytes`);
    await appendAll(kml, 12, 900);
    t.equal(kml.currentSegment, 2);
    t.equal(disk.content(NAME).length, kml.segments()[0]!.bytes, 'a full segment ends where its batches do');
    t.ok(disk.content(NAME).length <= SEGMENT);
    await kml.close();
    t.equal(disk.content(segmentName(2)).length, kml.segments()[1]!.bytes, 'so does one that was closed');
  },
);

t.test('long batches get none, and short ones among them do not either', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk, { segmentBytes: 64 * 1024 * 1024 });
  for (let round = 0; round < 5; round++) {
    await appendAll(kml, SMALL_BATCHES_LEAST - 1, 100);
    await appendAll(kml, 1, SMALL_BATCH_BYTES);
  }
  t.equal(disk.content(NAME).length, kml.durableMark.position);
  await appendAll(kml, SMALL_BATCHES_LEAST, 100);
  const ahead = disk.content(NAME).length - kml.durableMark.position;
  t.ok(ahead > PIECE_BYTES_MAX - 4096 && ahead <= PIECE_BYTES_MAX, `${ahead} bytes`);
  t.equal(disk.content(NAME).length % 4096, 0);
});

t.test('nothing is laid out when the disk is rather full', async (t) => {
  for (const [more, laid] of [
    [-1000, false],
    [SEGMENT, true],
  ] as const) {
    const disk = new SimulatedDisk({ capacity: FREE_BYTES_LEAST + more });
    const { kml } = await openLog(disk, { segmentBytes: SEGMENT });
    await appendAll(kml, SMALL_BATCHES_LEAST, 10);
    t.equal(disk.content(NAME).length > kml.durableMark.position, laid);
  }
});

t.test(
  'what reaches beyond the room that is there waits for what is being laid out, other batches do not',
  async (t) => {
    const disk = new ZerosDisk();
    const { begun, go } = holdBack(disk);
    const { kml } = await openLog(disk, { segmentBytes: SEGMENT });
    await appendAll(kml, SMALL_BATCHES_LEAST, 100);
    t.same(begun, [kml.durableMark.position]);
    const { lsn } = kml.append([Buffer.alloc(500, 2)]);
    let durable = false;
    const waiting = Promise.resolve(kml.whenDurable(lsn)).then(() => {
      durable = true;
    });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    t.notOk(durable);
    go();
    await waiting;
    await kml.close();
    const { records } = await openLog(disk.killed());
    t.equal(records.get(lsn), '\x02'.repeat(500), 'it was written over the zeros, not under them');

    const other = new ZerosDisk();
    await other.makeDirectory('kml');
    await other.create(NAME);
    const inner = holdBack(other);
    const room = new RoomAhead(other, NAME, 1000);
    for (let at = 0; at < SMALL_BATCHES_LEAST; at++) room.written(500, 100, SEGMENT);
    await new Promise((resolve) => setImmediate(resolve));
    t.same(inner.begun, [1000]);
    t.equal(room.free(1000), undefined);
    const beyond = room.free(1001);
    t.type(beyond, Promise);
    inner.go();
    await beyond;
    t.equal(room.free(1001), undefined);
  },
);

t.test('random batches over room that is laid out meanwhile: all are read back', async (t) => {
  const seed = chooseSeed();
  t.comment(`MAGMA_SEED=${seed} repeats this run`);
  const random = seededRandom(seed);
  const disk = slowZeros(random, 12);
  const { kml } = await openLog(disk, { segmentBytes: SEGMENT });
  const texts: string[] = [];
  while (texts.length < 600) {
    const text = `${texts.length}:`.padEnd(10 + random.below(random.below(8) === 0 ? 6000 : 600), 'x');
    texts.push(text);
    const { lsn } = kml.append(group(text));
    if (random.below(4) > 0) await kml.whenDurable(lsn);
  }
  await kml.whenDurable(texts.length);
  const { records } = await openLog(disk.killed());
  t.same([...records.values()], texts);
});

t.test('no room for zeros is no failure; any other error is one, at the next batch', async (t) => {
  const failing = (code: string): ZerosDisk => {
    const disk = new ZerosDisk();
    disk.zeros = () => async () => {
      throw Object.assign(new Error(code), { code });
    };
    return disk;
  };
  const full = await openLog(failing('ENOSPC'), { segmentBytes: SEGMENT });
  await appendAll(full.kml, 40, 900);
  await full.kml.close();
  const broken = await openLog(failing('EIO'), { segmentBytes: SEGMENT });
  await appendAll(broken.kml, SMALL_BATCHES_LEAST, 10);
  await t.rejects(Promise.resolve(broken.kml.whenDurable(broken.kml.append(group('a')).lsn)), {
    message: /the log is wedged: EIO/,
  });
});

t.test('Whichever sync fails while room is laid out, nothing that was answered is lost', async (t) => {
  for (let nth = 1; nth <= 40; nth++) {
    const disk = new SimulatedDisk();
    const { kml } = await openLog(disk, { segmentBytes: 16 * 1024 });
    disk.fail('sync', nth, 'EIO');
    const answered: number[] = [];
    for (let at = 0; at < 40; at++) {
      try {
        const { lsn } = kml.append([Buffer.alloc(300, 97)]);
        await kml.whenDurable(lsn);
        answered.push(lsn);
      } catch {
        break;
      }
    }
    const { records } = await openLog(disk.powerCut(seededRandom(nth)));
    const lost = answered.filter((lsn) => !records.has(lsn));
    t.same(lost, [], `sync ${nth}, ${answered.length} answered`);
  }
});

t.test('Opening: zeros at the end are cut off and no unfinished write; what is behind them is one', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk, { segmentBytes: SEGMENT });
  await appendAll(kml, 10, 100);
  const end = kml.durableMark.position;
  t.ok(disk.content(NAME).length > end);
  const warnings: object[] = [];
  const logger = { ...silentLogger, warn: (about: object) => void warnings.push(about) };
  const killed = disk.killed();
  await openLog(killed, { logger });
  t.same(warnings, []);
  t.equal(killed.content(NAME).length, end);

  const torn = new SimulatedDisk();
  const again = await openLog(torn, { segmentBytes: SEGMENT });
  await appendAll(again.kml, 10, 100);
  torn.flipBit(NAME, end + 700);
  await openLog(torn, { logger });
  t.match(warnings, [{ file: NAME, position: end, bytes: 701 }]);
  t.equal(torn.content(NAME).length, end + 701, 'nothing that somebody wrote is cut off');
  t.ok(end > SEGMENT_HEADER_BYTES);
});
