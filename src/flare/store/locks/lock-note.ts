import { array, bool, opaque, struct, uint32, uint64 } from '@stellar/js-xdr';
import { compile, type Value } from '../../../rpc/xdr.ts';
import { keyFromText, keyText, sliceOf } from '../../keys.ts';
import type { OwnedRange } from '../../locks/ranges.ts';
import { type LockKind, type LockOwner, RANGES_MAX } from '../../locks/types.ts';
import type { FlareId } from '../../types.ts';

/*
 * What one owner has locked of one flare is a note: `lock/<slice>/<key>/<generation>/<kind>/<holder>/<owner>`, bytes as hexadecimal digits. So locks are in the log, in base records, on mirrors and in the
 * index as all notes are, and move with their slice.
 */

export const LOCK_PREFIX = 'lock/';
const NAME = /^lock\/\d+\/([0-9a-f]{40})\/(\d+)\/([012])\/((?:[0-9a-f]{2})+)\/((?:[0-9a-f]{2})+)$/;

const OFFSET_BYTES = 8;
const LockNoteSchema = struct('LockNote', {
  pid: uint32(),
  /** How long the holder may be silent, in ms; 0: for ever. */
  leaseMs: uint32(),
  /** The number of the record with which the holder began to have locks of the flare. */
  tenure: uint64(),
  ranges: array(
    struct('LockRange', { start: opaque(OFFSET_BYTES), last: opaque(OFFSET_BYTES), exclusive: bool() }),
    RANGES_MAX,
  ),
});
const codec = compile(LockNoteSchema);

/** What one owner has of one flare; never changed in place. */
export interface OwnedLocks extends LockOwner {
  readonly id: FlareId;
  readonly kind: LockKind;
  readonly pid: number;
  readonly leaseMs: number;
  readonly tenure: number;
  /** By their start; none overlap. */
  readonly ranges: readonly OwnedRange[];
}

/** Whether a note says what is locked. */
export function isLockNote(name: string): boolean {
  return name.startsWith(LOCK_PREFIX);
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

function unhex(digits: string): string {
  return Buffer.from(digits, 'hex').toString('latin1');
}

/** The name of the note for what that owner has of that flare. */
export function lockNoteName({ key, generation }: FlareId, kind: LockKind, { holder, owner }: LockOwner): string {
  return `${LOCK_PREFIX}${sliceOf(key)}/${keyText(key)}/${generation}/${kind}/${hex(holder)}/${hex(owner)}`;
}

function offset(value: bigint): Buffer {
  const bytes = Buffer.alloc(OFFSET_BYTES);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** The note's value. */
export function encodeLockNote({
  pid,
  leaseMs,
  tenure,
  ranges,
}: Omit<OwnedLocks, keyof LockOwner | 'id' | 'kind'>): Buffer {
  const packed = ranges.map(({ start, last, mode }) => ({
    ...{ start: offset(start), last: offset(last) },
    exclusive: mode === 'exclusive',
  }));
  return codec.encode({ pid, leaseMs, tenure, ranges: packed });
}

/** The reverse of `lockNoteName`. RangeError for another name. */
export function parseLockName(name: string): Pick<OwnedLocks, keyof LockOwner | 'id' | 'kind'> {
  const [, key = '', generation = '', kind = '', holder = '', owner = ''] = NAME.exec(name) ?? [];
  const flare = keyFromText(key);
  if (flare === null) throw new RangeError(`${name} is no name of a lock`);
  return {
    id: { key: flare, generation: Number(generation) },
    kind: Number(kind) as LockKind,
    holder: unhex(holder),
    owner: unhex(owner),
  };
}

/** What a note says. RangeError for another name, `XdrError` for another value. */
export function decodeLockNote(name: string, value: Uint8Array): OwnedLocks {
  const { ranges, ...rest }: Value<typeof LockNoteSchema> = codec.decode(value);
  return {
    ...parseLockName(name),
    ...rest,
    ranges: ranges.map(({ start, last, exclusive }) => ({
      ...{ start: start.readBigUInt64BE(), last: last.readBigUInt64BE() },
      mode: exclusive ? 'exclusive' : 'shared',
    })),
  };
}
