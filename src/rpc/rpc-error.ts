/** Why a call got no result: the reply's status by name, or what happened instead of a reply. */
export type RpcErrorKind =
  | 'TIMEOUT'
  | 'CLOSED'
  | 'BAD_REPLY'
  | 'RPC_MISMATCH'
  | 'AUTH_ERROR'
  | 'PROG_UNAVAIL'
  | 'PROG_MISMATCH'
  | 'PROC_UNAVAIL'
  | 'GARBAGE_ARGS'
  | 'SYSTEM_ERR';

/** A call that got no result. */
export class RpcError extends Error {
  readonly kind: RpcErrorKind;
  /** With the two kinds of mismatch: the lowest and the highest version that the server has. */
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** With AUTH_ERROR: the `auth_stat` (RFC 5531 §9). */
  readonly authStat: number | undefined;

  constructor(kind: RpcErrorKind, message: string, details: { low?: number; high?: number; authStat?: number } = {}) {
    super(message);
    this.name = 'RpcError';
    this.kind = kind;
    this.low = details.low;
    this.high = details.high;
    this.authStat = details.authStat;
  }
}
