/** The index cannot go on (`cause`): nothing more is applied. The log still has everything; a restart begins at the last checkpoint. */
export class IndexFailedError extends Error {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the index has failed: ${reason}; restart the volcano, it goes on from the log`, { cause });
    this.name = 'IndexFailedError';
  }
}

/** The disk has no room for what the index was given (`cause`): that is tried again, and until then nothing is applied. Nothing is lost. */
export class IndexFullError extends Error {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the disk has no room for the index: ${reason}; changes are refused until others have made some`, { cause });
    this.name = 'IndexFullError';
  }
}

/** The index file is of a format that this program does not know. */
export class IndexFormatError extends Error {
  readonly found: number;

  constructor(file: string, found: number, known: number) {
    super(
      `${file} has format ${found}, and this program knows formats up to ${known}: use the program that wrote it, ` +
        'or move the file away to have the index rebuilt from the log',
    );
    this.name = 'IndexFormatError';
    this.found = found;
  }
}

/** The index file is of an older format: it is removed and rebuilt from the log. */
export class IndexOutdatedError extends Error {
  constructor(file: string, found: number, known: number) {
    super(`${file} has format ${found}, and this program writes format ${known}`);
    this.name = 'IndexOutdatedError';
  }
}

/** The index file is no sound database: it is set aside and rebuilt from the log. */
export class IndexCorruptError extends Error {
  constructor(file: string, cause: unknown) {
    super(`${file} is no sound index: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'IndexCorruptError';
  }
}

/** Whether SQLite says that a database file is damaged or none at all. */
export function saysCorrupt(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB'));
}

/** Whether SQLite, or the host, says that the disk has no room. The WAL's own index is a file too, and grows by pages. */
export function saysFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE' || code === 'ENOSPC';
}
