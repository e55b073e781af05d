import { compareCopies } from '../dht/compare-copies.ts';
import { RefreshError } from '../dht/errors.ts';
import type { Member } from '../dht/projection/types.ts';
import type { Asking } from './options.ts';
import { progress } from './progress.ts';
import { asking } from './ring.ts';
import { connectAny, type RingClient } from './ring-client.ts';

/** How often the map is read anew for one slice, and how long is waited before that, in milliseconds: somebody may know it before others do. */
const MAPS_MAX = 60;
const PAUSE_MS = 250;

/** Compares the copies of a slice by the newest map, which may change meanwhile: `compareCopies`, and how many mirrors it has. */
export async function compared(
  ring: Pick<RingClient, 'projection' | 'newer'> & {
    node(member: Member): Pick<ReturnType<RingClient['node']>, 'digest'>;
  },
  slice: number,
  pauseMs = PAUSE_MS,
): Promise<{ found: string[] | null; mirrors: number }> {
  for (let maps = 1; ; maps++) {
    const { map, volcanos } = ring.projection;
    const { primary, inSync } = map[slice]!;
    if (inSync.length === 0) return { found: [], mirrors: 0 };
    try {
      const found = await compareCopies(ring.projection, slice, (member, of) => ring.node(member).digest(of));
      return { found, mirrors: inSync.length };
    } catch (error) {
      if (!(error instanceof RefreshError) || maps === MAPS_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      for (const member of [primary, ...inSync]) await ring.newer(volcanos[member]!);
    }
  }
}

/** What a comparison of all copies has found. */
export interface CopiesChecked {
  readonly sound: boolean;
  readonly epoch: number;
  readonly volcanos: number;
  /** Copies of slices that were held against their primaries. */
  readonly copies: number;
  readonly problems: readonly string[];
  readonly notices: readonly string[];
}

/** Compares all copies of all slices; `done` is told of each slice. Rejects when a volcano that is needed does not answer. */
export async function compareAll(ring: RingClient, done: () => void): Promise<CopiesChecked> {
  const problems: string[] = [];
  const notices: string[] = [];
  let copies = 0;
  for (let slice = 0; slice < ring.projection.map.length; slice++) {
    const { found, mirrors } = await compared(ring, slice);
    done();
    if (mirrors === 0) continue;
    if (found === null) notices.push(`slice ${slice} changed all the time, and was not compared`);
    else {
      copies += mirrors;
      problems.push(...found);
    }
  }
  const { epoch, volcanos } = ring.projection;
  return { sound: problems.length === 0, epoch, volcanos: volcanos.length, copies, problems, notices };
}

/** `magma check --ring`: holds mirrors against primaries while they run. Resolves with the exit status. */
export function checkOnline(asked: Asking, key: string): Promise<number> {
  const { json, flags } = asked;
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    async (ring) => {
      const bar = progress('check', { things: 'slices' }, { wanted: !json && flags.quiet !== true });
      bar.expect(ring.projection.map.length);
      bar.known();
      const answer = await compareAll(ring, () => bar.add(1)).finally(() => bar.end());
      const { sound, epoch, volcanos, copies, problems, notices } = answer;
      if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else {
        const lines = [
          `${volcanos} volcanos, epoch ${epoch}, ${copies} copies of slices compared`,
          ...notices.map((notice) => `notice: ${notice}`),
          ...problems.map((problem) => `PROBLEM: ${problem}`),
          sound ? 'sound' : `${problems.length} problems`,
        ];
        process.stdout.write(`${lines.join('\n')}\n`);
      }
      return sound ? 0 : 1;
    },
  );
}
