import type { Endpoint } from '../base/net.ts';
import type { RpcStatus } from './message.ts';

/**
 * How a call ended: the status of its reply, or why there was none: `DROPPED` by its procedure, a `DUPLICATE` of one under way, `OVERLOAD`.
 */
export type CallOutcome = RpcStatus | 'DROPPED' | 'DUPLICATE' | 'OVERLOAD';

/** One call that has ended. The numbers are 0 where the call was refused before they were known. */
export interface CallReport {
  readonly transport: 'udp' | 'tcp';
  readonly client: Endpoint;
  /** 0 in messages that were dropped unread. */
  readonly xid: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  /** Bytes of the whole messages, without record marks. */
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** From the arrival of the whole call to its reply's handing over to the host. */
  readonly milliseconds: number;
  readonly outcome: CallOutcome;
}

/** A call whose answer is not there at once. The same object when it begins and when it ends. */
export interface WaitingCall {
  readonly client: Endpoint;
  /** When it came, by the monotonic clock. */
  readonly began: number;
}

/** Sees all that a server does; must neither throw nor wait. */
export interface RpcObserver {
  call(report: CallReport): void;
  /** A call waits for its answer, and does no more. */
  waits?(call: WaitingCall): void;
  waited?(call: WaitingCall): void;
  /** TCP connections: opened, closed, or refused because there were too many. */
  connection?(event: 'opened' | 'closed' | 'refused', remote: Endpoint): void;
}

/** One observer that tells all of them. */
export function observers(all: readonly RpcObserver[]): RpcObserver {
  const [only] = all;
  if (all.length === 1) return only!;
  return {
    call(report) {
      for (const one of all) one.call(report);
    },
    waits(call) {
      for (const one of all) one.waits?.(call);
    },
    waited(call) {
      for (const one of all) one.waited?.(call);
    },
    connection(event, remote) {
      for (const one of all) one.connection?.(event, remote);
    },
  };
}
