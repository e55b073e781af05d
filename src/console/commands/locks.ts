import { tableOf } from '../../base/table.ts';
import type { Member } from '../../dht/projection/types.ts';
import { LOCK_END, LockKind } from '../../flare/locks/types.ts';
import type { FlareLock, HeldPage } from '../../flare/store/locks/keeper.ts';
import { reservationText } from '../../operator/reservation.ts';
import { shown, told } from '../../operator/text.ts';
import type { Command, Run } from '../command.ts';

/** Locks of each volcano that are shown. */
export const LOCKS_SHOWN = 1000;

export const locks: Command = {
  name: 'locks',
  usage: '',
  brief: 'what is locked, by whom',
  help: [
    `Asks every volcano what is locked in the slices that it serves, by whom, and for how long nothing was heard of him; ${LOCKS_SHOWN} locks of each at most. Files are shown by their numbers, as ls -i has them.`,
    'magma locks --break ends those of a holder.',
  ],
  wordsMax: 0,
  async run(run) {
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
