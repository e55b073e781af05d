import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const POLL_MS = 100;
/** What `stat` counts room in. */
const STAT_BLOCK = 512;

/** What has happened in a volcano's data directory. */
export interface Happened {
  /** Segments of the log that were dropped: what compaction does. */
  readonly dropped: number;
  /** How often the index's WAL became shorter: what a checkpoint does. */
  readonly checkpoints: number;
  /** The most room that the directory took, in bytes. */
  readonly peak: number;
}

/** Room that the files below a directory take on the disk, in bytes. Files that go while it looks count nothing. */
export function roomOf(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    try {
      bytes += statSync(join(directory, name)).blocks * STAT_BLOCK;
    } catch {}
  }
  return bytes;
}

function segments(directory: string): string[] {
  return readdirSync(join(directory, 'kml')).filter((name) => name.endsWith('.seg'));
}

function walBytes(directory: string): number {
  try {
    return statSync(join(directory, 'index.sqlite-wal')).size;
  } catch {
    return 0;
  }
}

/** Watches a data directory from outside, ten times a second. */
export class DataWatch {
  readonly #directory: string;
  readonly #timer: NodeJS.Timeout;
  #segments: ReadonlySet<string>;
  #wal: number;
  #happened = { dropped: 0, checkpoints: 0, peak: 0 };

  constructor(directory: string) {
    this.#directory = directory;
    this.#segments = new Set(segments(directory));
    this.#wal = walBytes(directory);
    this.#look();
    this.#timer = setInterval(() => this.#look(), POLL_MS);
  }

  /** What has happened until now; watching ends. */
  stop(): Happened {
    clearInterval(this.#timer);
    this.#look();
    return this.#happened;
  }

  #look(): void {
    const now = new Set(segments(this.#directory));
    const wal = walBytes(this.#directory);
    const { dropped, checkpoints, peak } = this.#happened;
    this.#happened = {
      dropped: dropped + [...this.#segments].filter((name) => !now.has(name)).length,
      checkpoints: checkpoints + (wal < this.#wal ? 1 : 0),
      peak: Math.max(peak, roomOf(this.#directory)),
    };
    this.#segments = now;
    this.#wal = wal;
  }
}
