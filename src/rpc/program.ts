import type { Eventually } from '../base/eventually.ts';
import type { Endpoint } from '../base/net.ts';
import type { Codec } from './xdr.ts';

/** Who calls, as the call's credential says it (RFC 5531 §8.2, appendix A). */
export type RpcCredential =
  | { readonly flavor: 'none' }
  | {
      readonly flavor: 'unix';
      readonly stamp: number;
      readonly machine: Buffer;
      readonly uid: number;
      readonly gid: number;
      /** The supplementary groups, 16 at most. */
      readonly gids: readonly number[];
    };

/** All that a procedure may know of its call besides the arguments. */
export interface CallContext {
  readonly transport: 'udp' | 'tcp';
  /** The caller. Its IPv4-mapped addresses are normalised to IPv4. */
  readonly client: Endpoint;
  /** Over a secure stream: who the caller has proved to be (`SecureStream.identity`). */
  readonly identity?: string | undefined;
  /** Over TCP: something that is the same for all calls of one connection, and no other's. */
  readonly connection?: object | undefined;
  /** Byte strings in the arguments stay as they are for as long as they are held; else they lie in a receive buffer that is used again. */
  readonly lasting?: boolean;
  /** The local endpoint that the call came to. */
  readonly server: Endpoint;
  readonly xid: number;
  readonly credential: RpcCredential;
  /**
   * Identifies this call and its retransmissions: address, port (UDP only), xid, program, version, procedure, length and
   * checksum of the arguments, as bytes in a Latin-1 string. Worked out at the first use.
   */
  replayIdentity(): string;
}

/** One procedure of one version of a program. */
export interface Procedure<Arguments = unknown, Result = unknown> {
  /** The RFC's name, in its spelling: `LOOKUP`. */
  readonly name: string;
  readonly arguments: Codec<Arguments>;
  readonly result: Codec<Result>;
  /**
   * Answers one call. What it throws is answered as SYSTEM_ERR and logged, but for `RpcRefusal`, which is answered as it says.
   * `DROP` means that no reply is sent. Byte strings in `args` alias the receive buffer: copy what outlives the first await.
   */
  readonly handle: (args: Arguments, call: CallContext) => Eventually<Result | typeof DROP>;
}

/** Returned by a procedure that must not be answered. */
export const DROP: unique symbol = Symbol('drop');

/** One version of a program: procedures by number. A number that is not there is answered with PROC_UNAVAIL. */
export type ProgramVersion = ReadonlyMap<number, Procedure<any, any>>;

/** An ONC RPC program (RFC 5531 §8). Versions that are not there are answered with PROG_MISMATCH, lowest to highest. */
export interface Program {
  readonly number: number;
  readonly name: string;
  readonly versions: ReadonlyMap<number, ProgramVersion>;
}

/** RFC 5531 §9, `auth_stat`. */
export const AuthStat = {
  BADCRED: 1,
  REJECTEDCRED: 2,
  BADVERF: 3,
  REJECTEDVERF: 4,
  TOOWEAK: 5,
} as const;

/** Thrown by a procedure, or by a gate in front of it, to answer a call with MSG_DENIED, AUTH_ERROR and that status. */
export class RpcRefusal extends Error {
  readonly status: (typeof AuthStat)[keyof typeof AuthStat];
  constructor(status: (typeof AuthStat)[keyof typeof AuthStat]) {
    super(`AUTH_ERROR ${status}`);
    this.status = status;
  }
}
