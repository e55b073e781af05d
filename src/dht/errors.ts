import { RetryError } from './owners.ts';

/** Thrown when a call was made by a map that is behind: a projection of at least that epoch is to be read before it is tried again. Nothing was done. */
export class RefreshError extends RetryError {
  readonly epoch: number;
  constructor(epoch: number) {
    super(`the map is at epoch ${epoch}`);
    this.name = 'RefreshError';
    this.epoch = epoch;
  }
}
