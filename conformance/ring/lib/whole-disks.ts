import type { Random } from '../../../src/base/random.ts';
import type { SimulatedDisk } from '../../../src/base/simulated-disk.ts';
import { SEGMENT_HEADER_BYTES } from '../../../src/flare/kml/format.ts';
import type { Volcano } from './whole-life.ts';

/** What clients write (`Client`). */
const CONTENTS = /t\d+\.{6}/g;

/** What goes wrong with the disks of whole volcanos. */
export class WholeDisks {
  /** Some disk was full at some time. */
  wasFull = false;
  /** A sync has failed, or a log was damaged, in some life: a single copy may be of no use. */
  failed = false;

  /** `World.rot`. */
  rot({ life, next, rotten }: Volcano, random: Random): string | null {
    // What lies behind the index's mark is read at the start, and a log that is damaged there does not open: somebody else takes that place.
    const isUnread = (name: string): boolean =>
      Number(/(\d+)\.seg$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY) < next.readFrom;
    const names = life === null ? next.disk.names.filter(isUnread) : [];
    const name = names[random.below(Math.max(1, names.length))];
    if (name === undefined) return null;
    const content = next.disk.content(name);
    // Any place behind the header, which is read at the start; or one of those that hold contents of files.
    const contents = [...content.toString('latin1').matchAll(CONTENTS)].map(({ index }) => index);
    const anywhere = contents.length === 0 || random.below(4) === 0;
    const position = anywhere
      ? SEGMENT_HEADER_BYTES + random.below(content.length - SEGMENT_HEADER_BYTES)
      : contents[random.below(contents.length)]!;
    next.disk.flipBit(name, position);
    rotten.push({ name, position });
    this.failed = true;
    return `${name} ${position}`;
  }

  /** Turns back what has turned over on a disk; returns what was found and repaired of it. */
  mend({ rotten, life }: Volcano, disk: SimulatedDisk): { readonly damaged: number; readonly repaired: number } {
    const found = rotten.length > 0 ? life?.store?.diskFigures() : undefined;
    const names = new Set(disk.names);
    for (const { name, position } of rotten.splice(0)) if (names.has(name)) disk.flipBit(name, position);
    return found ?? { damaged: 0, repaired: 0 };
  }

  /** `World.hasLost`. */
  hasLost({ rotten, life }: Volcano): boolean {
    if (rotten.length === 0) return false;
    const { damaged = 0, repaired = 0 } = life?.store?.diskFigures() ?? {};
    return damaged > repaired;
  }

  /** `World.failSync`. */
  failSync({ life }: Volcano): void {
    if (life === null) return;
    life.failing = true;
    this.failed = true;
    life.disk.fail('sync', 1, 'EIO');
  }

  /** `World.leaveRoom`. */
  leaveRoom(volcano: Volcano, bytes: number): void {
    const disk = volcano.life?.disk ?? volcano.next.disk;
    const { total, free } = disk.space();
    disk.limit(total - free + bytes);
    volcano.full = Number.isFinite(bytes);
    this.wasFull ||= volcano.full;
    if (volcano.full && volcano.life !== null) volcano.life.short = true;
  }
}
