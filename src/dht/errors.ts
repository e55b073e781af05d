/** Thrown when a call was made by a map that is behind: the caller is to read a projection of at least that epoch, and to ask again. */
export class RefreshError extends Error {
  readonly epoch: number;
  constructor(epoch: number) {
    super(`the map is at epoch ${epoch}`);
    this.name = 'RefreshError';
    this.epoch = epoch;
  }
}
