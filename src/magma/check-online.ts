import type { SliceDigest } from '../dht/programs/node/handlers.ts';
import { BusyError } from '../flare/joint.ts';
import type { Asking } from './options.ts';
import { asking } from './ring.ts';
import { RingClient } from './ring-client.ts';

/** How often a slice is asked for again that changes meanwhile. */
const TRIES = 20;

/** A slice that several volcanos hold. */
interface Shared {
  readonly slice: number;
  readonly primary: number;
  readonly mirrors: readonly number[];
}

function isSame(one: SliceDigest, other: SliceDigest): boolean {
  return one.number === other.number && one.epoch === other.epoch;
}

/** What a slice's mirrors have that the primary has not, or the other way round; null when it changed all the time. */
async function compare(ring: RingClient, { slice, primary, mirrors }: Shared): Promise<string[] | null> {
  const { volcanos } = ring.projection;
  const of = (member: number): Promise<SliceDigest> => ring.node(volcanos[member]!).digest(slice);
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const [mine, ...theirs] = await Promise.all([primary, ...mirrors].map(of));
      if (!theirs.every((one) => isSame(one, mine!))) continue;
      const wrong = mirrors.filter((_, at) => !theirs[at]!.digest.equals(mine!.digest));
      return wrong.map(
        (member) =>
          `slice ${slice}: ${volcanos[member]!.nickname}, a mirror of ${volcanos[primary]!.nickname}, does not have the same`,
      );
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
    }
  }
  return null;
}

/** `magma check --ring`: holds mirrors against primaries while they run. Resolves with the exit status. */
export function checkOnline({ json, at }: Asking, key: string): Promise<number> {
  return asking(
    json,
    () => RingClient.connect(at, key),
    async (ring) => {
      const { map, epoch, volcanos } = ring.projection;
      const problems: string[] = [];
      const notices: string[] = [];
      let copies = 0;
      for (const [slice, { primary, inSync: mirrors }] of map.entries()) {
        if (mirrors.length === 0) continue;
        const found = await compare(ring, { slice, primary, mirrors });
        if (found === null) notices.push(`slice ${slice} changed all the time, and was not compared`);
        else {
          copies += mirrors.length;
          problems.push(...found);
        }
      }
      const sound = problems.length === 0;
      if (json) {
        const answer = { sound, epoch, volcanos: volcanos.length, copies, problems, notices };
        process.stdout.write(`${JSON.stringify(answer)}\n`);
      } else {
        const lines = [`${volcanos.length} volcanos, epoch ${epoch}, ${copies} copies of slices compared`];
        lines.push(...notices.map((notice) => `notice: ${notice}`));
        lines.push(
          ...problems.map((problem) => `PROBLEM: ${problem}`),
          sound ? 'sound' : `${problems.length} problems`,
        );
        process.stdout.write(`${lines.join('\n')}\n`);
      }
      return sound ? 0 : 1;
    },
  );
}
