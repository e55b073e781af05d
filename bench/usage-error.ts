/** A mistake in what the benchmark was told, or something that it needs and that is not there: the message names the cure. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
