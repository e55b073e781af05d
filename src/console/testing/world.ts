import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { type ManualClock, manualClock } from '../../base/testing/manual-clock.ts';
import { fakeRing } from '../../dht/testing/fake-ring.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import { Console } from '../console.ts';
import type { ConsoleParts } from '../parts.ts';
import { FakeStream } from './fake-stream.ts';

/** A console over a tree in memory, on a clock that the test moves. */
export interface World {
  readonly clock: ManualClock;
  readonly tree: MemoryService;
  readonly console: Console;
  readonly parts: ConsoleParts;
  /** What was done that only a volcano can do. */
  readonly done: string[];
  /** A new client. */
  connect(address?: string): FakeStream;
}

/** Makes one; `more` replaces parts. */
export function world(more: Partial<ConsoleParts> = {}): World {
  const clock = manualClock();
  const tree = new MemoryService({ clock, random: seededRandom(1) });
  const done: string[] = [];
  const channels = new Map([['n', false]]);
  const parts: ConsoleParts = {
    ...{ clock, logger: silentLogger, version: '9.9', nickname: 'wallace', address: '192.168.1.20', key: null, tree },
    ring: fakeRing(),
    store: {
      stats: () => ({
        ...{ segments: 1, logBytes: 2, liveBytes: 1, appended: 9, durable: 9, applied: 8, cachedBytes: 4096 },
        ...{ flares: 3, replays: 1, notes: 2, availableBytes: 400, dropped: 0 },
      }),
      diskFigures: () => ({ syncMs: 2, damaged: 0, repaired: 0 }),
      extentsOf: () => ({ extents: [{ offset: 0, length: 5, segment: 1, position: 4096 }], more: false }),
      lastRecords: async () => [
        { lsn: 9, slice: 3, epoch: 7, number: 4, time: 1_600_000_000_000_000, operation: 'write', bytes: 120 },
      ],
    },
    rules: { rules: () => [], carriesRule: () => false },
    log: { lines: () => [] },
    debug: {
      channels: () => [{ letter: 'n', room: 'nfs2', what: 'NFS calls', on: channels.get('n')! }],
      set: (letter, on) => void channels.set(letter, on),
    },
    shutdown: () => void done.push('shutdown'),
    ...more,
  };
  const console = new Console(parts);
  return {
    ...{ clock, tree, console, parts, done },
    connect(address) {
      const stream = new FakeStream(address);
      console.take(stream);
      return stream;
    },
  };
}

/** What a telnet client answers to the offer: characters, and a window of so many columns. */
export function agreed(columns = 80): string {
  return `\xff\xfd\x01\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\0${String.fromCharCode(columns)}\0\x18\xff\xf0`;
}
