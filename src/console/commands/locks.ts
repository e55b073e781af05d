import { tableOf } from '../../base/table.ts';
import type { Member } from '../../dht/projection/types.ts';
import { LOCK_END, LockKind } from '../../flare/locks/types.ts';
import type { FlareLock, HeldPage } from '../../flare/store/locks/keeper.ts';
import { reservationText } from '../../operator/reservation.ts';
import { shown, told } from '../../operator/text.ts';
import { type Command, CommandError, type Run } from '../command.ts';

/** Locks of each volcano that are shown. */
export const LOCKS_SHOWN = 1000;

export const locks: Command = {
  name: 'locks',
  usage: '[break HOLDER]',
  brief: 'what is locked, by whom',
  help: [
    `Asks every volcano what is locked in the slices that it serves, by whom, and for how long nothing was heard of him; ${LOCKS_SHOWN} locks of each at most. Files are shown by their numbers, as ls -i has them.`,
    'locks break HOLDER ends all locks of a holder, as it stands in the list, after asking: of a client that does not come back. One that lives, and relies on them, gets errors or loses updates.',
  ],
  completes: [['break']],
  wordsMax: 16,
  async run(run) {
    const [verb, ...holder] = run.words;
    if (verb === 'break' && holder.length > 0) return end(run, holder.join(' '));
    if (verb !== undefined) throw new CommandError('locks shows all; locks break HOLDER ends those of one');
    const { volcanos } = run.parts.ring.projection();
    const told = await Promise.all(volcanos.map((member) => locksOf(run, member)));
    const head = ['volcano', 'file', 'bytes', 'mode', 'process', 'silent', 'owner', 'holder'];
    await run.print(
      ...tableOf(
        head,
        told.flatMap(({ rows }) => rows),
      ),
      ...told.flatMap(({ remarks }) => remarks),
    );
  },
};

/** Ends what a holder has on each volcano. */
async function end({ parts, wait, ask, print, signal }: Run, holder: string): Promise<void> {
  const { ring } = parts;
  if ((await ask(`End all locks of ${shown(holder)}? Type yes: `)) !== 'yes') return print('Nothing was ended.');
  let files = 0;
  const problems: string[] = [];
  await Promise.all(
    ring.projection().volcanos.map(async ({ id, nickname }) => {
      try {
        files += await wait(ring.releaseHolder(id, holder));
      } catch (error) {
        if (signal.aborted) throw error;
        problems.push(`${told(nickname)}: ${told(error instanceof Error ? error.message : String(error))}`);
      }
    }),
  );
  await print(`The locks of ${shown(holder)} have ended: of ${files} files.`, ...problems);
}

async function locksOf({ parts, wait, signal }: Run, { id, nickname }: Member) {
  const found: FlareLock[] = [];
  const name = told(nickname);
  let remarks: string[] = [];
  try {
    for (let from: string | null = ''; from !== null && found.length < LOCKS_SHOWN; ) {
      const page: HeldPage = await wait(parts.ring.held(id, from));
      found.push(...page.locks);
      from = page.next;
      if (from !== null && found.length >= LOCKS_SHOWN) remarks = [`${name} has more locks: magma locks shows all`];
    }
  } catch (error) {
    if (signal.aborted) throw error;
    remarks = [`${name}: ${told(error instanceof Error ? error.message : String(error))}`];
  }
  return { rows: found.slice(0, LOCKS_SHOWN).map((lock) => rowOf(name, lock)), remarks };
}

function rowOf(volcano: string, { fileid, silentMs, lock }: FlareLock): string[] {
  const { kind, mode, start, last, holder, owner, pid } = lock;
  const range = last === LOCK_END ? `${start} to the end` : `${start} to ${last}`;
  const place = kind === LockKind.bytes ? range : kind === LockKind.whole ? 'whole file' : reservationText(start);
  return [volcano, `${fileid}`, place, mode, `${pid}`, `${Math.round(silentMs / 1000)} s`, shown(owner), shown(holder)];
}
