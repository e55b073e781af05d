import type { LogMark } from '../kml/types.ts';

/** What the event loop tells the index's thread. Batches' memory is transferred. */
export type ToWorker =
  | {
      readonly type: 'batch';
      readonly segment: number;
      readonly position: number;
      readonly firstLsn: number;
      readonly count: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'checkpoint' }
  | { readonly type: 'close' };

/** What it tells the event loop. Checkpoints are answered in the order in which they were asked for. */
export type FromWorker =
  | { readonly type: 'opened'; readonly mark: LogMark }
  | {
      readonly type: 'refused';
      readonly reason: 'format' | 'corrupt' | 'other';
      readonly message: string;
      readonly format: number;
    }
  | { readonly type: 'applied'; readonly mark: LogMark; readonly bytes: number }
  | { readonly type: 'checkpointed'; readonly mark: LogMark }
  | { readonly type: 'failed'; readonly message: string; readonly code: string }
  | { readonly type: 'closed' };

/** What the thread is started with. */
export interface WorkerStart {
  readonly path: string;
}
