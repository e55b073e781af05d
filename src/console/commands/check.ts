import { compareCopies } from '../../dht/compare-copies.ts';
import type { MemberId } from '../../dht/projection/types.ts';
import { HEARD_SECONDS } from '../../dht/state-text.ts';
import { BusyError } from '../../flare/joint.ts';
import { told } from '../../operator/text.ts';
import type { Command, Run } from '../command.ts';

export const check: Command = {
  name: 'check',
  usage: '',
  brief: 'compare the copies of all files',
  help: [
    'Holds what primaries have of each slice against what their mirrors have, while all goes on; a volcano that is alone reads through its own state. What is damaged on the disk of this volcano is told as well.',
    'It takes a while with many files; ^C breaks it off. Slices of volcanos that are away are not compared. magma check looks at a data directory itself, when its volcano is stopped.',
  ],
  wordsMax: 0,
  async run(run) {
    const { ring, store } = run.parts;
    const projection = ring.projection();
    const away = new Map<MemberId, string>();
    for (const { id } of projection.volcanos) {
      const known = ring.figures(id);
      if (known === null || known.heardSeconds > HEARD_SECONDS) away.set(id, 'nothing is heard of it');
    }
    const problems: string[] = [];
    let [compared, left, busy] = [0, 0, 0];
    for (const [slice, { primary, inSync }] of projection.map.entries()) {
      await run.turn();
      const holders = [primary, ...inSync].map((member) => projection.volcanos[member]!.id);
      // What nobody here shares with anybody is read by its primary alone.
      if (holders.some((id) => away.has(id)) || (holders.length === 1 && holders[0] !== ring.self)) {
        left += 1;
        continue;
      }
      const found = await compare(run, slice, away);
      if (found === 'away') left += 1;
      else if (found === null) busy += 1;
      else {
        compared += 1;
        problems.push(...found.map(told));
      }
    }
    const { damaged, repaired } = store.diskFigures();
    if (damaged > repaired)
      problems.push(`${damaged - repaired} records on the disk of this volcano are damaged, and were not repaired`);
    const name = (id: MemberId): string => told(projection.volcanos.find((one) => one.id === id)?.nickname ?? id);
    await run.print(
      `epoch ${projection.epoch}: ${compared} of ${projection.slices} slices are looked through`,
      ...(left > 0 ? [`notice: ${left} slices are left out, since who holds them is away, or holds them alone`] : []),
      ...[...away].map(([id, why]) => `notice: ${name(id)}: ${told(why)}`),
      ...(busy > 0 ? [`notice: ${busy} slices changed all the time, and were not compared`] : []),
      ...problems.map((problem) => `PROBLEM: ${problem}`),
      problems.length === 0 ? 'sound' : `${problems.length} problems`,
    );
  },
};

/** What is wrong with a slice; `away` when one of its volcanos does not answer, which is remembered. */
async function compare(run: Run, slice: number, away: Map<MemberId, string>): Promise<string[] | null | 'away'> {
  const { ring } = run.parts;
  try {
    return await run.wait(
      compareCopies(ring.projection(), slice, async ({ id }, of) => {
        try {
          return await ring.digest(id, of);
        } catch (error) {
          if (isTransport(error)) away.set(id, error.message);
          throw error;
        }
      }),
    );
  } catch (error) {
    if (run.signal.aborted || away.size === 0) throw error;
    return 'away';
  }
}

function isTransport(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof BusyError);
}
