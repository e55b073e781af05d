/** The log is wedged: a write or a sync failed (`cause`), so it is not known what is on the disk. Only a restart helps. */
export class KmlWedgedError extends Error {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the log is wedged: ${reason}; nothing more is written; mend the disk, then restart`, { cause });
    this.name = 'KmlWedgedError';
  }
}

/** The log was closed. */
export class KmlClosedError extends Error {
  constructor() {
    super('the log is closed');
    this.name = 'KmlClosedError';
  }
}

/** What was durable is no longer there or no longer whole. Never cut off: it needs a decision. */
export class KmlRotError extends Error {
  readonly segment: number;
  readonly position: number;

  constructor(file: string, segment: number, position: number, evidence: string) {
    super(
      `${file} is damaged at byte ${position}: no sound batch there, yet ${evidence}. ` +
        'This is no torn tail: nothing was changed. Restore the file from a copy; a damaged disk should be replaced.',
    );
    this.name = 'KmlRotError';
    this.segment = segment;
    this.position = position;
  }
}

/** The log's files are of another network, of a newer format, or do not belong together. */
export class KmlFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KmlFormatError';
  }
}

/** A read asked for bytes that the log does not hold, or not as it wrote them. */
export class KmlReadError extends Error {
  readonly segment: number;
  /** Where the payload of the record begins that holds them. */
  readonly record: number;

  constructor(piece: { segment: number; position: number; length: number; lead: number }, why: string) {
    const { segment, position, length, lead } = piece;
    super(`the log cannot read ${length} bytes at byte ${position} of segment ${segment}: ${why}`);
    this.name = 'KmlReadError';
    this.segment = segment;
    this.record = position - lead;
  }
}
