import * as xdr from '@stellar/js-xdr';
import { type Codec, compile } from '../../rpc/xdr.ts';

/** The longest name of a client, in bytes (`LM_MAXSTRLEN`, XNFS chapter 10). */
export const CALLER_MAX = 1024;
/** The longest cookie, handle or owner, in bytes (`MAXNETOBJ_SZ`). */
export const NETOBJ_MAX = 1024;
/** Bytes of an offset in version 4. */
const OFFSET_BYTES = 8;

/** What is answered: `nlm_stats`; those from `ROFS` on exist in version 4 alone (XNFS chapter 14). */
export const NlmStatus = {
  GRANTED: 0,
  DENIED: 1,
  DENIED_NOLOCKS: 2,
  BLOCKED: 3,
  DENIED_GRACE_PERIOD: 4,
  DEADLCK: 5,
  ROFS: 6,
  STALE_FH: 7,
  FBIG: 8,
  FAILED: 9,
} as const;
export type NlmStatus = (typeof NlmStatus)[keyof typeof NlmStatus];

/** Of 32 bits in versions 1 to 3, of 64 in version 4. */
export type Offset = number | Buffer;

/** `nlm_lock`: a place in a file, and who means it. */
export interface WireLock {
  readonly caller: Buffer;
  readonly handle: Buffer;
  readonly owner: Buffer;
  readonly svid: number;
  readonly offset: Offset;
  readonly length: Offset;
}

/** `nlm_holder`. */
export interface WireHolder {
  readonly exclusive: boolean;
  readonly svid: number;
  readonly owner: Buffer;
  readonly offset: Offset;
  readonly length: Offset;
}

export interface TestArguments {
  readonly cookie: Buffer;
  readonly exclusive: boolean;
  readonly lock: WireLock;
}
export interface LockArguments extends TestArguments {
  readonly block: boolean;
  readonly reclaim: boolean;
  /** The client's state number as its status monitor has it; 0: it has none. */
  readonly state: number;
}
export interface CancelArguments extends TestArguments {
  readonly block: boolean;
}
export interface UnlockArguments {
  readonly cookie: Buffer;
  readonly lock: WireLock;
}
export interface ShareArguments {
  readonly cookie: Buffer;
  readonly caller: Buffer;
  readonly handle: Buffer;
  readonly owner: Buffer;
  readonly mode: number;
  readonly access: number;
  readonly reclaim: boolean;
}
export interface Result {
  readonly cookie: Buffer;
  readonly status: NlmStatus;
}
export interface TestResult {
  readonly cookie: Buffer;
  readonly answer: { readonly status: NlmStatus; readonly holder?: WireHolder };
}
export interface ShareResult extends Result {
  readonly sequence: number;
}
export interface FreeArguments {
  readonly name: Buffer;
  readonly state: number;
}

/** The types of one version. */
export interface Codecs {
  readonly void: Codec<void>;
  readonly test: Codec<TestArguments>;
  readonly lock: Codec<LockArguments>;
  readonly cancel: Codec<CancelArguments>;
  readonly unlock: Codec<UnlockArguments>;
  readonly share: Codec<ShareArguments>;
  readonly free: Codec<FreeArguments>;
  readonly result: Codec<Result>;
  readonly tested: Codec<TestResult>;
  readonly shared: Codec<ShareResult>;
}

function codecsOf(offset: xdr.XdrType<any>): Codecs {
  const netobj = xdr.varOpaque(NETOBJ_MAX);
  const caller = xdr.string(CALLER_MAX);
  const status = xdr.uint32();
  const lock = xdr.struct('nlm_lock', {
    ...{ caller, handle: netobj, owner: netobj, svid: xdr.uint32() },
    ...{ offset, length: offset },
  });
  const exclusive = xdr.bool();
  const holder = xdr.struct('nlm_holder', { exclusive, svid: xdr.uint32(), owner: netobj, offset, length: offset });
  const answer = xdr.union('nlm_testrply', {
    switchOn: xdr.uint32(),
    switchKey: 'status',
    cases: [xdr.case('denied', NlmStatus.DENIED, xdr.field('holder', holder))],
    defaultArm: xdr.void(),
  });
  const args = { cookie: netobj, block: xdr.bool(), exclusive };
  const codecs = {
    void: compile(xdr.void()),
    test: compile(xdr.struct('nlm_testargs', { cookie: netobj, exclusive, lock })),
    lock: compile(xdr.struct('nlm_lockargs', { ...args, lock, reclaim: xdr.bool(), state: xdr.uint32() })),
    cancel: compile(xdr.struct('nlm_cancargs', { ...args, lock })),
    unlock: compile(xdr.struct('nlm_unlockargs', { cookie: netobj, lock })),
    share: compile(
      xdr.struct('nlm_shareargs', {
        ...{ cookie: netobj, caller, handle: netobj, owner: netobj },
        ...{ mode: xdr.uint32(), access: xdr.uint32(), reclaim: xdr.bool() },
      }),
    ),
    free: compile(xdr.struct('nlm_notify', { name: caller, state: xdr.uint32() })),
    result: compile(xdr.struct('nlm_res', { cookie: netobj, status })),
    tested: compile(xdr.struct('nlm_testres', { cookie: netobj, answer })),
    shared: compile(xdr.struct('nlm_shareres', { cookie: netobj, status, sequence: xdr.uint32() })),
  };
  return codecs as unknown as Codecs;
}

/** The types of versions 1 to 3 (XNFS chapter 10), and of version 4 (chapter 14). */
export const shortCodecs = codecsOf(xdr.uint32());
export const longCodecs = codecsOf(xdr.opaque(OFFSET_BYTES));

/** The types of that version. */
export function codecsFor(version: number): Codecs {
  return version === 4 ? longCodecs : shortCodecs;
}
