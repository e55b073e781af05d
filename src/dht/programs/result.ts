import * as xdr from '@stellar/js-xdr';
import { FlareError, FlareStatus, type FlareStatusName } from '../../flare/errors.ts';
import { BusyError, ElsewhereError } from '../../flare/joint.ts';
import type { RemoteProcedure } from '../../rpc/client.ts';
import type { Patience } from '../../rpc/client-transport.ts';
import { compile } from '../../rpc/xdr.ts';
import { RefreshError } from '../errors.ts';

/** The longest text of why something is denied, in bytes. */
export const DENIED_TEXT_MAX = 1024;

/** How a call ended. */
export const Ended = { ok: 0, refused: 1, refresh: 2, busy: 3, denied: 4 } as const;

/** The refusals that are known, by number. */
const StatusSchema = xdr.enumType('FlareStatus', FlareStatus);

/** The result of a call of the flare and the node program: the value, or why there is none. */
export function resultOf<T>(name: string, value: xdr.XdrType<T>) {
  return xdr.union(name, {
    switchOn: xdr.uint32(),
    switchKey: 'ended',
    cases: [
      xdr.case('ok', Ended.ok, xdr.field('value', value)),
      xdr.case('refused', Ended.refused, xdr.field('status', StatusSchema)),
      /** The map is another one: at least that epoch is to be read. */
      xdr.case('refresh', Ended.refresh, xdr.field('epoch', xdr.uint64())),
      /** Nothing was done; to be asked again a little later. */
      xdr.case('busy', Ended.busy, xdr.void()),
      /** Not for this caller; in words for people. */
      xdr.case('denied', Ended.denied, xdr.field('text', xdr.varOpaque(DENIED_TEXT_MAX))),
    ],
  });
}

/** The result of a call that answers with no value. */
export const nothingResult = compile(resultOf('NothingResult', xdr.void()));

/** Thrown when a volcano does not want another one, or a map: the text says why, for people. */
export class DeniedError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'DeniedError';
  }
}

/**
 * Whether a call is served: `busy` when it is not known yet; `refresh`, with this volcano's epoch, when the caller's map, or his idea of who owns the
 * key, is not this volcano's.
 */
export type Admission = 'serve' | 'busy' | { readonly refresh: number };

/** An end without a value. */
export type Ending =
  | { readonly ended: 1; readonly status: (typeof FlareStatus)[FlareStatusName] }
  | { readonly ended: 2; readonly epoch: number }
  | { readonly ended: 3 }
  | { readonly ended: 4; readonly text: Buffer };

/** How a call ended, off the wire. */
export type Answer<V> = Ending | { readonly ended: 0; readonly value: V };

/** What an error is answered with; others than these are thrown on, for the RPC layer. `epoch` is this volcano's. */
export function endingOf(error: unknown, epoch: number): Ending {
  if (error instanceof FlareError) return { ended: Ended.refused, status: FlareStatus[error.status] };
  if (error instanceof RefreshError) return { ended: Ended.refresh, epoch: error.epoch };
  if (error instanceof ElsewhereError) return { ended: Ended.refresh, epoch };
  if (error instanceof BusyError) return { ended: Ended.busy };
  if (error instanceof DeniedError) {
    return { ended: Ended.denied, text: Buffer.from(error.message).subarray(0, DENIED_TEXT_MAX) };
  }
  throw error;
}

const names = new Map<number, FlareStatusName>();
for (const [name, number] of Object.entries(FlareStatus)) names.set(number, name as FlareStatusName);

/**
 * The value of an answer. Throws the refusal, `RefreshError`, `BusyError` or `DeniedError`. `refreshed` is told the epoch of a `refresh` before that is
 * thrown.
 */
export function outcomeOf<V>(answer: Answer<V>, refreshed?: (epoch: number) => void): V {
  switch (answer.ended) {
    case Ended.ok:
      return answer.value;
    case Ended.refused:
      throw FlareError.of(names.get(answer.status)!);
    case Ended.refresh:
      refreshed?.(answer.epoch);
      throw new RefreshError(answer.epoch);
    case Ended.busy:
      throw new BusyError();
    default:
      throw new DeniedError(answer.text.toString());
  }
}

/**
 * A copy of arguments in memory of their own, for calls that have to wait: keys, names and data alike lie in the receive buffer.
 */
export function copyBytes<T>(value: T): T {
  if (Buffer.isBuffer(value)) return Buffer.from(value) as T;
  if (Array.isArray(value)) return value.map(copyBytes) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copyBytes(part)])) as T;
}

/** What makes calls: an `RpcClient`, or a connection that comes back when it breaks. */
export interface RpcCaller {
  call<A, R>(procedure: RemoteProcedure<A, R>, args: A, options?: { readonly patience?: Patience }): Promise<R>;
}
