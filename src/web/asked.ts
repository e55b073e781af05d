import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebParts } from './parts.ts';
import type { Session } from './sessions.ts';

/** What somebody may do: nothing but to log in, to look, or to change files as well. */
export type May = 'login' | 'look' | 'change';

/** A request that has passed the guard. */
export interface Asked {
  readonly parts: WebParts;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** As it is written. */
  readonly query: ReadonlyMap<string, string>;
  readonly may: May;
  readonly session: Session | null;
  /** Over TLS. */
  readonly secure: boolean;
  /** Where it comes from. */
  readonly address: string;
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal;
}

/** An answer that is there as a whole. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** An answer in JSON. */
export function json(value: unknown, more: Omit<Answer, 'body'> = {}): Answer {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...more.headers };
  return { ...more, headers, body: typeof value === 'string' ? value : JSON.stringify(value) };
}

/** An answer in plain text. */
export function text(body: string, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body,
  };
}
