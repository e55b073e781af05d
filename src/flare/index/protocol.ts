import type { LogMark } from '../kml/types.ts';

/** What the event loop tells the index's thread. A flush's memory is transferred, and comes back when it is applied. */
export type ToWorker =
  | { readonly type: 'flush'; readonly mark: LogMark; readonly bytes: Uint8Array }
  | { readonly type: 'checkpoint' }
  | { readonly type: 'close' };

/** What it tells the event loop. Flushes and checkpoints are answered in the order in which they were asked for. */
export type FromWorker =
  | { readonly type: 'opened'; readonly mark: LogMark }
  | {
      readonly type: 'refused';
      readonly reason: 'format' | 'outdated' | 'corrupt' | 'other';
      readonly message: string;
      readonly format: number;
    }
  | { readonly type: 'applied'; readonly mark: LogMark; readonly memory: ArrayBuffer }
  | { readonly type: 'checkpointed'; readonly mark: LogMark }
  /** What is first to be done finds no room on the disk: it is tried again until it does. */
  | { readonly type: 'full'; readonly message: string }
  | { readonly type: 'failed'; readonly message: string; readonly code: string }
  | { readonly type: 'closed' };

/** What the thread is started with. */
export interface WorkerStart {
  readonly path: string;
}
