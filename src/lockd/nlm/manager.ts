import { FlareError, type FlareStatusName, UnavailableError } from '../../flare/errors.ts';
import { LockKind, type LockRequest } from '../../flare/locks/types.ts';
import type { FlareId } from '../../flare/types.ts';
import type { CallContext } from '../../rpc/program.ts';
import { type Asked, askedOf, enter, flareOf, whoAsks } from '../asked.ts';
import type { Blocked } from '../blocked.ts';
import type { GrantedAnswers } from '../grant.ts';
import { bytesOf, holderOf } from '../owners.ts';
import type { LockdParts } from '../parts.ts';
import { wireRange } from './ranges.ts';
import {
  type CancelArguments,
  type LockArguments,
  NlmStatus,
  type ShareArguments,
  type TestArguments,
  type TestResult,
  type UnlockArguments,
  type WireLock,
} from './schema.ts';

/** How a call of the lock manager came. */
export interface Asking {
  readonly call: CallContext;
  readonly version: number;
  /** By `_MSG`: it is answered by a call. */
  readonly byMessage: boolean;
  /** By NM_LOCK: by a client without a status monitor, which does not want to be told anything. */
  readonly unmonitored?: boolean;
}

/** What refusals of the tree are to clients of version 4; others get fewer (`shortStatus`). */
const STATUS: Partial<Record<FlareStatusName, NlmStatus>> = {
  AGAIN: NlmStatus.DENIED,
  ACCES: NlmStatus.DENIED,
  PERM: NlmStatus.DENIED,
  NOLCK: NlmStatus.DENIED_NOLOCKS,
  NOSPC: NlmStatus.DENIED_NOLOCKS,
  DQUOT: NlmStatus.DENIED_NOLOCKS,
  ROFS: NlmStatus.ROFS,
  STALE: NlmStatus.STALE_FH,
  FBIG: NlmStatus.FBIG,
};

/** Versions 1 to 3 know no status beyond DENIED_GRACE_PERIOD: what cannot be had is DENIED_NOLOCKS there. */
function shortStatus(status: NlmStatus, version: number): NlmStatus {
  return version === 4 || status <= NlmStatus.DENIED_GRACE_PERIOD ? status : NlmStatus.DENIED_NOLOCKS;
}

/** Bits of share reservations: which access there is takes the low two, which is denied to others the next. */
const DENY_SHIFT = 2;
const SHARE_BITS = 3;

/** What a call was refused for; throws what is no refusal. */
function refused(error: unknown, version: number): NlmStatus {
  if (!(error instanceof FlareError)) throw error;
  return shortStatus(STATUS[error.status] ?? NlmStatus.FAILED, version);
}

/** The lock manager: what clients ask for becomes locks of flares, which the network keeps. */
export class LockManager {
  readonly #parts: LockdParts;
  readonly #blocked: Blocked;
  readonly #answers: GrantedAnswers;

  constructor(parts: LockdParts, blocked: Blocked, answers: GrantedAnswers) {
    this.#parts = parts;
    this.#blocked = blocked;
    this.#answers = answers;
  }

  /** TEST (XNFS chapter 10): who is in the way. */
  async test({ lock, exclusive }: TestArguments, { call, version }: Asking): Promise<TestResult['answer']> {
    try {
      const { handle, request } = askedOf(lock, exclusive ? 'exclusive' : 'shared', call);
      const { id, caller } = await enter(this.#parts, handle, call);
      const held = await this.#parts.service.locks.test(caller, id, request);
      if (held === null) return { status: NlmStatus.GRANTED };
      const holder = { exclusive: held.mode === 'exclusive', svid: held.pid, owner: bytesOf(held) };
      return { status: NlmStatus.DENIED, holder: { ...holder, ...wireRange(held, version) } };
    } catch (error) {
      const status = refused(error, version);
      // With DENIED there would have to be a holder, and there is none to name.
      return { status: status === NlmStatus.DENIED ? shortStatus(NlmStatus.FAILED, version) : status };
    }
  }

  /** LOCK and NM_LOCK. */
  async lock(args: LockArguments, asking: Asking): Promise<NlmStatus> {
    const { call, version } = asking;
    const { block } = args;
    // Before anything is waited for: it is worked out from the receive buffer.
    const replay = call.replayIdentity();
    const granted = this.#granted(args, asking);
    if (!args.reclaim && this.#parts.isGrace()) return NlmStatus.DENIED_GRACE_PERIOD;
    try {
      const asked = askedOf(args.lock, args.exclusive ? 'exclusive' : 'shared', call);
      const { id, caller } = await enter(this.#parts, asked.handle, call);
      if (block && this.#blocked.waits(id, asked.request)) return NlmStatus.BLOCKED;
      await this.#remember(asked, asking);
      try {
        await this.#parts.service.locks.lock({ ...caller, replay }, id, asked.request);
      } catch (error) {
        if (!(block && error instanceof FlareError && error.status === 'AGAIN')) throw error;
        const waits = this.#blocked.add({ ...granted, id, caller, request: asked.request });
        return waits ? NlmStatus.BLOCKED : NlmStatus.DENIED_NOLOCKS;
      }
      this.#blocked.claim(id, asked.request);
      return NlmStatus.GRANTED;
    } catch (error) {
      return refused(error, version);
    }
  }

  #granted({ lock, cookie, exclusive }: LockArguments, { call, version, byMessage }: Asking) {
    const { caller, handle, owner, svid, offset, length } = lock;
    const copy = (bytes: Buffer): Buffer => Buffer.from(bytes);
    const kept: WireLock = {
      ...{ caller: copy(caller), handle: copy(handle), owner: copy(owner), svid },
      offset: typeof offset === 'number' ? offset : copy(offset),
      length: typeof length === 'number' ? length : copy(length),
    };
    const { transport, client, server } = call;
    const origin = { transport, client, server };
    return { origin, version, byMessage, cookie: copy(cookie), exclusive, lock: kept, answers: this.#answers };
  }

  async #remember({ name }: Asked, { call, unmonitored }: Asking): Promise<void> {
    if (unmonitored !== true) await this.#parts.hosts.remember(call.client.address, name, call.server.address);
  }

  /** CANCEL: the client does not wait any more. */
  async cancel({ lock, exclusive }: CancelArguments, { call, version }: Asking): Promise<NlmStatus> {
    try {
      const { handle, request } = askedOf(lock, exclusive ? 'exclusive' : 'shared', call);
      const id = await flareOf(this.#parts, handle);
      return (await this.#blocked.cancel(id, request)) ? NlmStatus.GRANTED : NlmStatus.DENIED;
    } catch (error) {
      return refused(error, version);
    }
  }

  /** UNLOCK: no rule keeps anybody from giving back what is his. */
  async unlock({ lock }: UnlockArguments, { call, version }: Asking): Promise<NlmStatus> {
    const replay = call.replayIdentity();
    try {
      const { handle, request } = askedOf(lock, 'none', call);
      const id = await flareOf(this.#parts, handle);
      await this.#blocked.forget(id, request);
      return await this.#giveBack(id, request, replay);
    } catch (error) {
      return gone(error, version);
    }
  }

  async #giveBack(id: FlareId, request: LockRequest, replay: string): Promise<NlmStatus> {
    await this.#parts.service.locks.lock({ uid: 0, gid: 0, gids: [], replay }, id, request);
    return NlmStatus.GRANTED;
  }

  /** SHARE: a reservation as DOS makes it when a file is opened. */
  async share(args: ShareArguments, { call, version }: Asking): Promise<NlmStatus> {
    const replay = call.replayIdentity();
    const { mode, access } = args;
    if (!args.reclaim && this.#parts.isGrace()) return NlmStatus.DENIED_GRACE_PERIOD;
    try {
      if (mode > SHARE_BITS || access > SHARE_BITS) throw FlareError.of('INVAL');
      const bits = BigInt(access | (mode << DENY_SHIFT));
      const what = { kind: LockKind.share, mode: 'shared', start: bits, last: bits } as const;
      const { handle, request } = whoAsks({ ...args, svid: 0 }, call, what);
      const { id, caller } = await enter(this.#parts, handle, call);
      await this.#parts.service.locks.lock({ ...caller, replay }, id, request);
      return NlmStatus.GRANTED;
    } catch (error) {
      return refused(error, version);
    }
  }

  /** UNSHARE: the reservation of that owner, whatever it was. */
  async unshare(args: ShareArguments, { call, version }: Asking): Promise<NlmStatus> {
    const replay = call.replayIdentity();
    try {
      const what = { kind: LockKind.share, mode: 'none', start: 0n, last: 0n } as const;
      const { handle, request } = whoAsks({ ...args, svid: 0 }, call, what);
      return await this.#giveBack(await flareOf(this.#parts, handle), request, replay);
    } catch (error) {
      return gone(error, version);
    }
  }

  /** FREE_ALL, and NOTIFY of a client that has started anew: nothing of it is locked any more when it resolves, with of how many files. `UnavailableError` when that cannot be said. */
  async free(address: string, name: string): Promise<number> {
    const holder = holderOf(address, name);
    if (holder === null) return 0;
    await this.#blocked.forgetHolder(holder);
    const files = await this.#parts.release(holder).catch((error: unknown) => {
      throw new UnavailableError(`not all volcanos have answered: ${String(error)}`, { cause: error });
    });
    if (files > 0)
      this.#parts.logger.info({ client: address, name, files }, 'a client has started anew: its locks have ended');
    return files;
  }
}

/** What is locked of a file that is gone is given back already. */
function gone(error: unknown, version: number): NlmStatus {
  if (error instanceof FlareError && error.status === 'STALE') return NlmStatus.GRANTED;
  return refused(error, version);
}

/** Whether the call is to be answered by silence, so that it is asked again. */
export function isUnavailable(error: unknown): error is UnavailableError {
  return error instanceof UnavailableError;
}
