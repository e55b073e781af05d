/** Exit statuses as mount(8) has them. */
export const ExitStatus = {
  success: 0,
  /** Incorrect invocation or permissions. */
  usage: 1,
  /** System error: out of memory, no FUSE. */
  system: 2,
  /** A mistake of the program. */
  internal: 4,
  /** Broken off by the user. */
  interrupted: 8,
  /** Mount failure. */
  failed: 32,
} as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Why nothing was mounted: the message names the thing and the cure, the status says of what kind it is. */
export class ExitError extends Error {
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExitError';
    this.status = status;
  }
}

/** A mistake on the command line. */
export function usageError(message: string): ExitError {
  return new ExitError(ExitStatus.usage, `${message}. See mount.magma --help`);
}
