import type { LogLine, SessionState, State } from '../api.ts';

/** A file or directory of a made-up tree, by its name's bytes (Latin-1). */
export interface Node {
  readonly kind: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'block' | 'char';
  readonly content: Buffer;
  readonly mode: number;
  readonly modified: number;
  readonly children: Map<string, Node>;
}

/** What a made-up volcano answers. */
export interface Scenario {
  readonly session: Omit<SessionState, 'token'>;
  /** The state after so many steps of two seconds. */
  state(step: number): State;
  readonly log: readonly LogLine[];
  tree(): Node;
}

/** When the made-up time begins. */
export const BEGIN_MS = Date.UTC(2026, 2, 14, 9, 26, 53);
/** From one state to the next. */
export const STEP_MS = 2000;

/** A file with that content. */
export function file(content: string | Buffer, mode = 0o644, modified = BEGIN_MS - 86_400_000): Node {
  return { kind: 'file', content: Buffer.from(content), mode, modified, children: new Map() };
}

/** A directory with those in it. */
export function directory(children: Readonly<Record<string, Node>> = {}, modified = BEGIN_MS - 3_600_000): Node {
  return {
    kind: 'directory',
    content: Buffer.alloc(0),
    mode: 0o755,
    modified,
    children: new Map(Object.entries(children)),
  };
}
