import { CLOCK_SKEW_MAX_MS, type Hello } from '../../dht/programs/node/hello.ts';
import { bytesText } from '../progress.ts';

/** What was looked at, and what came of it. */
export interface Finding {
  readonly check: string;
  /** `no`: it cannot join like this. `mind`: it can, and somebody should know. */
  readonly result: 'yes' | 'no' | 'mind';
  readonly text: string;
}

/** Less than this on its disk, and a volcano refuses to be written to before long: what it keeps free by itself and a segment or two of its log. In bytes. */
export const ROOM_LEAST = 512 * 1024 * 1024;

/** What the other's clock says, in µs; this machine's was read before and after. */
export function clockFinding(theirs: Pick<Hello, 'nickname' | 'clock'>, before: number, after: number): Finding {
  const apart = theirs.clock - (before + after) / 2;
  const doubt = (after - before) / 2;
  const seconds = (Math.abs(apart) / 1e6).toFixed(2);
  const text = `${seconds} s ${apart < 0 ? 'ahead of' : 'behind'} ${theirs.nickname}'s, give or take ${(doubt / 1e6).toFixed(2)} s; ${CLOCK_SKEW_MAX_MS / 1000} s may be`;
  // Half of what is allowed is soon all of it, where nothing sets clocks.
  const mind = Math.abs(apart) > CLOCK_SKEW_MAX_MS * 500;
  return { check: 'clock', result: mind ? 'mind' : 'yes', text: mind ? `${text}: set both clocks (NTP)` : text };
}

/** The software of both ends. */
export function versionFinding(theirs: Pick<Hello, 'nickname' | 'version'>, mine: string): Finding {
  const same = theirs.version === mine;
  const text = `${mine} here, ${same ? 'as' : theirs.version} on ${theirs.nickname}`;
  return { check: 'version', result: same ? 'yes' : 'mind', text: same ? text : `${text}: run the same on both` };
}

/** The room on the disk of the data directory, and on those of the volcanos that answer, in bytes. */
export function roomFinding(available: number, others: readonly number[]): Finding {
  const theirs = others.length === 0 ? '' : `; the volcano with the least has ${bytesText(Math.min(...others))}`;
  const text = `${bytesText(available)} are free${theirs}`;
  return available < ROOM_LEAST
    ? { check: 'room', result: 'no', text: `${text}. Cure: at least ${bytesText(ROOM_LEAST)}` }
    : { check: 'room', result: 'yes', text };
}

/** What says where the maps of a network lie, and whether this volcano is told the same. */
export function mapsFinding(keeper: string | null, answers: boolean, etcd: boolean): Finding {
  const check = 'maps';
  if (keeper === null)
    return etcd
      ? { check, result: 'yes', text: 'they lie in etcd, as this volcano is told' }
      : { check, result: 'no', text: 'they lie in etcd. Cure: the same --etcd URLs as the others have' };
  if (etcd) return { check, result: 'no', text: `${keeper} keeps them, and not etcd. Cure: leave --etcd out` };
  return answers
    ? { check, result: 'yes', text: `${keeper} keeps them, and answers` }
    : {
        check,
        result: 'no',
        text: `${keeper} keeps them, and does not answer: who joins waits for it. Cure: start it, or magma takeover`,
      };
}
