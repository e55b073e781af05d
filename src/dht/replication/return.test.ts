import t from 'tap';
import { FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { nextStep } from '../projection/plan.ts';
import { indexOf, runOf } from '../projection/queries.ts';
import { VirtualRing } from '../testing/virtual-ring.ts';
import type { ReplicationParts } from '../volcano/replication.ts';
import type { Restored } from './fill.ts';
import { Mirroring } from './mirroring.ts';

/*
 * Whole volcanos on virtual time: one is away for a minute and comes back; and how fast mirrors are filled. docs/ring-failover.md, "Return".
 */

const LIMITS = { compactionMinBytes: 8 * 1024 * 1024, pendingUnits: 2000 };
const PLANNED_MS = 120_000;

/** A ring, and all that replication was ever made in it. */
class Ring extends VirtualRing {
  readonly #all: Mirroring[] = [];

  /** How its volcanos are started. */
  mirrored(fillBytesASecond?: number) {
    const replication = (parts: ReplicationParts): Mirroring => {
      const made = new Mirroring(parts, fillBytesASecond);
      this.#all.push(made);
      return made;
    };
    return { replicas: 2, replication };
  }

  /** What became whole so far. */
  get restored(): Restored {
    const sums = { replayed: 0, undone: 0, filled: 0, bytes: 0 };
    for (const { restored } of this.#all)
      for (const name of Object.keys(sums) as (keyof Restored)[]) sums[name] += restored[name];
    return sums;
  }

  async planned(): Promise<void> {
    const end = this.time.now + PLANNED_MS * 1000;
    const up = this.volcanos.flatMap(({ ring }) => (ring === null ? [] : [ring]));
    const done = (): boolean => {
      const [first, ...maps] = up.map((one) => one.projection());
      return nextStep(first!) === null && maps.every(({ epoch }) => epoch === first!.epoch);
    };
    while (!done()) {
      if (this.time.now > end) throw new Error('the plan is not carried out');
      await this.time.run(20);
    }
  }

  /** What mirrors in sync have otherwise than their primaries. */
  async differences(): Promise<string[]> {
    const { map, volcanos } = this.volcanos[0]!.up.projection();
    const storeOf = (index: number) =>
      this.volcanos.find(({ nickname }) => nickname === volcanos[index]!.nickname)!.up.store;
    const found: string[] = [];
    for (const [slice, { primary, inSync }] of map.entries()) {
      if (storeOf(primary).lastOf(slice).number === 0) continue;
      const lines = await this.settle(storeOf(primary).replica.lines(slice));
      for (const index of inSync) {
        const there = await this.settle(storeOf(index).replica.lines(slice));
        if (JSON.stringify(lines) !== JSON.stringify(there)) found.push(`slice ${slice} on volcano ${index}`);
      }
    }
    return found;
  }
}

t.test(
  'Away for a minute under load and back: a gateway at once, then a mirror again, with little of what its slices hold sent anew',
  async (t) => {
    const ring = new Ring({ volcanos: 3, seed: 11, limits: LIMITS });
    await ring.start(0, { boot: true, ...ring.mirrored() });
    for (const number of [1, 2]) await ring.start(number, { seeds: [ring.volcanos[0]!.seed], ...ring.mirrored() });
    await ring.planned();
    const { flares } = ring.volcanos[0]!.up;
    const make = async (name: string, bytes: number): Promise<void> => {
      const file = await flares.create(ROOT, flares.root(), name, FILE);
      await flares.write(ROOT, file, 0, Buffer.alloc(bytes, name));
    };
    const made = async (from: number, to: number, bytes: number): Promise<void> => {
      for (let at = from; at < to; at++) await make(`f${at}`, bytes);
    };
    await ring.settle(made(0, 150, 16 * 1024));
    const run = runOf(ring.volcanos[0]!.up.projection(), 2)!;
    t.ok(run.count > 0, `it has ${run.count} slices, and mirrors others`);
    ring.kill(2, 'power');
    const began = ring.time.now;
    await ring.settle(made(150, 160, 1024));
    await ring.time.run(60_000 - (ring.time.now - began) / 1000);
    // The others have filled each other meanwhile.
    const before = ring.restored;
    const back = await ring.start(2, { seeds: [ring.volcanos[0]!.seed], ...ring.mirrored() });
    const map = back.projection();
    const self = indexOf(map, back.self.id);
    const held = map.map.filter(({ primary, inSync }) => primary === self || inSync.includes(self)).length;
    t.equal(held, 0, 'the map gives it nothing yet,');
    const file = await ring.settle((async () => back.flares.lookup(ROOT, back.flares.root(), 'f155'))());
    t.equal(file.size, 1024, 'and it shows what was made while it was away');
    await ring.planned();
    const after = ring.restored;
    const replayed = after.replayed - before.replayed;
    const filled = after.filled - before.filled;
    const bytes = after.bytes - before.bytes;
    t.comment(`${replayed} slices were replayed, ${filled} filled from nothing, with ${bytes} bytes`);
    t.ok(replayed > 5 * filled, 'most slices were replayed');
    const copies = back.projection().map.filter(({ inSync }) => inSync.includes(self)).length;
    t.ok(copies > 0, `it mirrors ${copies} slices again`);
    const whole = (150 * 16 * 1024 * copies) / 256;
    t.ok(bytes < whole / 4, `what was there has some ${Math.round(whole)} bytes`);
    t.same(await ring.differences(), [], 'mirrors equal primaries');
    await ring.close();
  },
);

t.test('Copies come back in the background at a bounded rate', async (t) => {
  const RATE = 256 * 1024;
  const ring = new Ring({ volcanos: 2, seed: 12, limits: LIMITS });
  await ring.start(0, { boot: true, ...ring.mirrored(RATE) });
  const { flares } = ring.volcanos[0]!.up;
  const make = async (): Promise<void> => {
    for (let at = 0; at < 64; at++) {
      const file = await flares.create(ROOT, flares.root(), `f${at}`, FILE);
      await flares.write(ROOT, file, 0, Buffer.alloc(16 * 1024, at));
    }
  };
  await ring.settle(make());
  const began = ring.time.now;
  await ring.start(1, { seeds: [ring.volcanos[0]!.seed], ...ring.mirrored(RATE) });
  await ring.planned();
  const seconds = (ring.time.now - began) / 1_000_000;
  const { bytes } = ring.restored;
  t.ok(bytes > 1024 * 1024, `${bytes} bytes in ${seconds} s`);
  t.ok(seconds > bytes / RATE - 1, 'no faster than is allowed');
  t.ok(seconds < (2 * bytes) / RATE + 5, 'nor much slower');
  await ring.close();
});
