import { compareCopies } from '../dht/compare-copies.ts';
import type { Asking } from './options.ts';
import { asking } from './ring.ts';
import { RingClient } from './ring-client.ts';

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
      for (const [slice, { inSync: mirrors }] of map.entries()) {
        if (mirrors.length === 0) continue;
        const found = await compareCopies(ring.projection, slice, (member, of) => ring.node(member).digest(of));
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
