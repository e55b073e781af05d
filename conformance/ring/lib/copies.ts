import type { Projection } from '../../../src/dht/projection/types.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import type { Replica } from '../../../src/flare/store/replica.ts';

/**
 * Where an answered change is not durable, of all the volcanos that the map names for its slice and that run: answers promise it is. `storeOf` goes by places in the map.
 */
export function missingCopies(
  { map, volcanos }: Projection,
  identity: string,
  storeOf: (member: number) => LocalStore | null,
): string[] {
  let slice = -1;
  for (const member of volcanos.keys()) {
    const there = storeOf(member)?.replica.answered(identity)?.slice ?? -1;
    // Who has been taken over from may have done it, without anybody's accepting that.
    const { primary, inSync } = map[there] ?? { primary: -1, inSync: [] as readonly number[] };
    if (member === primary || inSync.includes(member)) slice = there;
  }
  // It changed nothing, or was refused.
  if (slice === -1) return [];
  const missing: string[] = [];
  for (const member of [map[slice]!.primary, ...map[slice]!.inSync]) {
    const store = storeOf(member);
    if (store === null) continue;
    const there = store.replica.answered(identity);
    const { nickname } = volcanos[member]!;
    if (there === null) missing.push(`${identity} was answered, and ${nickname} does not have it`);
    else if (!there.durable) missing.push(`${identity} was answered, and is not durable on ${nickname}`);
  }
  return missing;
}

/** What mirrors have otherwise than their primaries, all of which are quiet. */
export async function unlikeCopies({ map }: Projection, replicaOf: (member: number) => Replica): Promise<string[]> {
  const found: string[] = [];
  const odd = (one: string[], other: string[]): string[] => one.filter((line) => !other.includes(line));
  for (const [slice, { primary, inSync }] of map.entries()) {
    if (inSync.length === 0) continue;
    const lines = await replicaOf(primary).lines(slice);
    for (const member of inSync) {
      const there = await replicaOf(member).lines(slice);
      for (const line of odd(lines, there)) found.push(`slice ${slice}: mirror ${member} lacks ${line}`);
      for (const line of odd(there, lines)) found.push(`slice ${slice}: only mirror ${member} has ${line}`);
    }
  }
  return found;
}
