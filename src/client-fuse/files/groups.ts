import { readFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';

/** The most supplementary groups that are passed on: as many as the flare program takes. */
export const GROUPS_MAX = 64;
/** How long the groups of a thread are believed, in milliseconds. */
const BELIEVED_MS = 1_000;
/** Of how many threads groups are remembered. */
const REMEMBERED_MAX = 1024;

interface Remembered {
  readonly uid: number;
  readonly until: number;
  readonly groups: readonly number[];
}

/** The text of `/proc/PID/status`; null when there is no such process, or none that can be seen. */
export type StatusReader = (pid: number) => string | null;

function readStatus(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return null;
  }
}

/** The supplementary groups of those who ask: the kernel does not say them, `/proc` does. */
export class Groups {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #read: StatusReader;
  readonly #remembered = new Map<number, Remembered>();

  constructor(clock: Pick<Clock, 'monotonic'>, read: StatusReader = readStatus) {
    this.#clock = clock;
    this.#read = read;
  }

  /** The groups of a thread that acts as `uid`, at most `GROUPS_MAX` of them. None for uid 0, who needs none. */
  of(pid: number, uid: number): readonly number[] {
    if (uid === 0 || pid === 0) return [];
    const now = this.#clock.monotonic();
    const found = this.#remembered.get(pid);
    if (found !== undefined && found.uid === uid && now < found.until) return found.groups;
    const groups = parse(this.#read(pid));
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(pid, { uid, until: now + BELIEVED_MS, groups });
    return groups;
  }
}

function parse(status: string | null): readonly number[] {
  const line = /^Groups:\t([\d ]*)$/m.exec(status ?? '')?.[1] ?? '';
  return line
    .split(' ')
    .filter((word) => word !== '')
    .slice(0, GROUPS_MAX)
    .map(Number);
}
