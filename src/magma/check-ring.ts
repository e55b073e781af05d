import { join } from 'node:path';
import { silentLogger } from '../base/logger.ts';
import { openDisk } from '../base/system-disk.ts';
import { newestOf } from '../dht/projection/own-store.ts';
import { indexOf } from '../dht/projection/queries.ts';
import type { MemberId, Projection } from '../dht/projection/types.ts';
import { ID_NOTE } from '../dht/volcano/enter.ts';
import { treeFaults } from '../flare/check/namespace.ts';
import { openForReading } from '../flare/index/database.ts';
import type { IndexFault } from '../flare/index/faults.ts';
import { INDEX_FILE } from '../flare/index/threaded-host.ts';
import type { NoteStore } from '../flare/service.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import { openStore } from '../flare/store/open.ts';

/** Problems that are listed at most. */
const PROBLEMS_MAX = 100;

/** A data directory, and what it says of the ring that it is of. */
export interface RingDirectory {
  readonly directory: string;
  readonly id: MemberId;
  readonly map: Projection;
}

/** What a check of several volcanos' data directories has found; sound when `problems` and `faults` are empty. */
export interface RingCheck {
  readonly epoch: number;
  readonly volcanos: number;
  /** Copies of slices that were held against their primaries. */
  readonly copies: number;
  /** Where a mirror does not have what its primary has. */
  readonly problems: readonly string[];
  /** What cannot be in the tree that the volcanos hold together. */
  readonly faults: readonly IndexFault[];
  readonly notices: readonly string[];
}

/** The newest map that a data directory knows; null when it was never in a ring. */
export function mapIn(notes: NoteStore): Projection | null {
  return newestOf(notes);
}

/** What a data directory, whose index is up to date, says of its ring; null when its volcano is alone. */
export function ringDirectory(directory: string, notes: NoteStore): RingDirectory | null {
  const map = mapIn(notes);
  const id = notes.note(ID_NOTE)?.toString('latin1');
  return map === null || id === undefined || map.volcanos.length < 2 ? null : { directory, id, map };
}

/** Opens all, and lets go of all, whatever happens. */
async function withAll<R, T>(
  open: readonly (() => Promise<R>)[],
  close: (one: R) => Promise<void>,
  work: (all: readonly R[]) => Promise<T>,
): Promise<T> {
  const opened: R[] = [];
  try {
    for (const one of open) opened.push(await one());
    return await work(opened);
  } finally {
    for (const one of opened) await close(one);
  }
}

/**
 * Holds data directories of one ring, all sound by themselves and of volcanos that are stopped, against each other by the newest map that one of them knows: the mirrors against the primaries, and, when all
 * volcanos' are there, the tree. Opens them as starts do. Rejects when they are not of one ring, or cannot be opened.
 */
export async function checkRing(directories: readonly RingDirectory[]): Promise<RingCheck> {
  const [first, ...others] = directories;
  const stranger = others.find(({ map }) => map.networkId !== first!.map.networkId);
  if (stranger !== undefined)
    throw new Error(`${stranger.directory} and ${first!.directory} are of different networks`);
  const map = directories.reduce((newest, one) => (one.map.epoch > newest.epoch ? one.map : newest), first!.map);
  const byMember = new Map<number, RingDirectory>();
  for (const one of directories) {
    const member = indexOf(map, one.id);
    const other = byMember.get(member);
    if (other !== undefined) throw new Error(`${one.directory} and ${other.directory} are of the same volcano`);
    if (member === -1) throw new Error(`${one.directory} is of a volcano that is not in the newest map`);
    byMember.set(member, one);
  }
  const notices = map.volcanos
    .filter((_, member) => !byMember.has(member))
    .map(({ nickname }) => `${nickname} is not among them: what it holds was not looked at, nor the tree as a whole`);
  const members = [...byMember.keys()];
  const compared = await withAll(
    [...byMember.values()].map(
      ({ directory }) =>
        async () =>
          openStore({ disk: await openDisk(directory), logger: silentLogger }),
    ),
    (store) => store.close(),
    (stores) => compareCopies(map, new Map(stores.map((store, at) => [members[at]!, store]))),
  );
  const faults = notices.length > 0 ? [] : await checkTree(map, byMember);
  const { copies, problems } = compared;
  notices.push(...compared.notices);
  return { epoch: map.epoch, volcanos: byMember.size, copies, problems, faults, notices };
}

async function checkTree(map: Projection, byMember: ReadonlyMap<number, RingDirectory>): Promise<IndexFault[]> {
  const members = [...byMember.keys()];
  return withAll(
    [...byMember.values()].map(
      ({ directory }) =>
        async () =>
          openForReading(join(directory, INDEX_FILE)),
    ),
    async (database) => {
      database.close();
    },
    async (databases) =>
      treeFaults(
        databases.map((database, at) => ({
          database,
          holds: (slice: number) => map.map[slice]?.primary === members[at],
        })),
      ),
  );
}

async function compareCopies(
  { map, volcanos }: Projection,
  stores: ReadonlyMap<number, LocalStore>,
): Promise<Pick<RingCheck, 'copies' | 'problems' | 'notices'>> {
  const problems: string[] = [];
  const notices: string[] = [];
  const add = (list: string[], text: string): void => {
    if (list.length < PROBLEMS_MAX) list.push(text);
  };
  let copies = 0;
  for (const [slice, { primary, inSync }] of map.entries()) {
    const store = stores.get(primary);
    const mirrors = inSync.filter((member) => stores.has(member));
    if (store === undefined || mirrors.length === 0) continue;
    const last = store.lastOf(slice);
    const lines = await store.replica.lines(slice, false);
    for (const member of mirrors) {
      const mirror = stores.get(member)!;
      const { number } = mirror.lastOf(slice);
      const who = `slice ${slice}: ${volcanos[member]!.nickname}, a mirror of ${volcanos[primary]!.nickname},`;
      if (number !== last.number) {
        const apart = Math.abs(number - last.number);
        add(
          notices,
          `${who} is ${apart} records ${number < last.number ? 'behind' : 'ahead'}: the next start brings them together`,
        );
        continue;
      }
      copies += 1;
      const theirs = await mirror.replica.lines(slice, false);
      const at = lines.findIndex((line, index) => line !== theirs[index]);
      if (at === -1 && theirs.length === lines.length) continue;
      const where = at === -1 ? lines.length : at;
      add(problems, `${who} does not have the same: ${shown(theirs[where])}; the primary: ${shown(lines[where])}`);
    }
  }
  return { copies, problems, notices };
}

function shown(line: string | undefined): string {
  if (line === undefined) return 'nothing';
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}
