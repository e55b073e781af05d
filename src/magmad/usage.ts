/** A mistake in flags, environment or files: the message names the thing, the place and the cure. Ends magmad with status 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
