// biome-ignore lint/style/noRestrictedImports: SQLite opens files by itself; the simulator keeps its index in memory.
import Database from 'better-sqlite3';
import type { LogMark } from '../kml/types.ts';
import { IndexCorruptError, IndexFormatError, IndexOutdatedError, saysCorrupt } from './errors.ts';

export type SqliteDatabase = Database.Database;

/** The format that this program writes. A lower one is rebuilt from the log, a higher one is refused. */
export const INDEX_FORMAT = 6;
/** `MGIX`, so that `file` and SQLite know whose database it is. */
const APPLICATION_ID = 0x4d474958;
/** The page cache of the connection that applies, in KiB, and of the one that reads. */
const APPLYING_CACHE_KIB = 8 * 1024;
const READING_CACHE_KIB = 8 * 1024;
/** How long a statement waits for the other connection, in milliseconds. */
const BUSY_MILLISECONDS = 10_000;

const SCHEMA = `
  CREATE TABLE mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    lsn INTEGER NOT NULL, segment INTEGER NOT NULL, position INTEGER NOT NULL,
    flares INTEGER NOT NULL, used INTEGER NOT NULL
  );
  INSERT INTO mark VALUES (1, 0, 0, 0, 0, 0);
  CREATE TABLE flares (
    key BLOB PRIMARY KEY, generation INTEGER NOT NULL, fileid INTEGER NOT NULL, used INTEGER NOT NULL,
    segment INTEGER NOT NULL, weight INTEGER NOT NULL, value BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX flares_fileid ON flares (fileid);
  CREATE TABLE entries (
    dir BLOB NOT NULL, name BLOB NOT NULL, key BLOB NOT NULL, generation INTEGER NOT NULL, fileid INTEGER NOT NULL,
    cookie INTEGER NOT NULL, segment INTEGER NOT NULL,
    PRIMARY KEY (dir, name)
  ) WITHOUT ROWID;
  CREATE INDEX entries_cookie ON entries (dir, cookie, fileid);
  CREATE TABLE chunks (
    key BLOB NOT NULL, generation INTEGER NOT NULL, chunk INTEGER NOT NULL, bytes INTEGER NOT NULL, extents BLOB NOT NULL,
    PRIMARY KEY (key, generation, chunk)
  ) WITHOUT ROWID;
  CREATE TABLE parents (
    key BLOB NOT NULL, generation INTEGER NOT NULL, dir BLOB NOT NULL, dir_generation INTEGER NOT NULL,
    count INTEGER NOT NULL, segment INTEGER NOT NULL,
    PRIMARY KEY (key, generation, dir, dir_generation)
  ) WITHOUT ROWID;
  CREATE TABLE notes (name BLOB PRIMARY KEY, value BLOB NOT NULL, segment INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE slices (
    slice INTEGER PRIMARY KEY, number INTEGER NOT NULL, epoch INTEGER NOT NULL,
    next_fileid INTEGER NOT NULL, wrapped INTEGER NOT NULL, segment INTEGER NOT NULL, last_segment INTEGER NOT NULL
  );
  CREATE TABLE replays (id INTEGER PRIMARY KEY, count INTEGER NOT NULL, newest INTEGER NOT NULL, value BLOB NOT NULL);
  CREATE TABLE wipes (slice INTEGER PRIMARY KEY, replays INTEGER NOT NULL);
  CREATE TABLE usage (
    slice INTEGER NOT NULL, share INTEGER NOT NULL, uid INTEGER NOT NULL, bytes INTEGER NOT NULL, files INTEGER NOT NULL,
    PRIMARY KEY (slice, share, uid)
  ) WITHOUT ROWID;
  CREATE TABLE segments (segment INTEGER PRIMARY KEY, live INTEGER NOT NULL);
`;

/**
 * Opens an index for applying: a file, `:memory:`, or a serialized image; makes its tables when it is new. Throws `IndexFormatError`,
 * `IndexOutdatedError`, `IndexCorruptError`, or the host's error.
 */
export function openDatabase(source: string | Buffer): SqliteDatabase {
  const name = typeof source === 'string' ? source : 'the image of the index';
  let database: SqliteDatabase | null = null;
  try {
    database = new Database(source, { timeout: BUSY_MILLISECONDS });
    // Before anything is written: a newer program's file must stay as it is.
    const version = database.pragma('user_version', { simple: true }) as number;
    if (version > INDEX_FORMAT) throw new IndexFormatError(name, version, INDEX_FORMAT);
    if (version > 0 && version < INDEX_FORMAT) throw new IndexOutdatedError(name, version, INDEX_FORMAT);
    const tables = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
    if (version === 0 && tables > 0) throw new IndexCorruptError(name, new Error('it holds tables, but no index'));
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('wal_autocheckpoint = 0');
    database.pragma('foreign_keys = OFF');
    database.pragma(`cache_size = -${APPLYING_CACHE_KIB}`);
    if (version === 0) makeTables(database);
    readMark(database);
    return database;
  } catch (error) {
    database?.close();
    throw saysCorrupt(error) || (error as { code?: string }).code === 'SQLITE_ERROR'
      ? new IndexCorruptError(name, error)
      : error;
  }
}

function makeTables(database: SqliteDatabase): void {
  database.transaction(() => {
    database.exec(SCHEMA);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${INDEX_FORMAT}`);
  })();
}

/** Opens an index file that another connection applies to, for reading. */
export function openForReading(path: string): SqliteDatabase {
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MILLISECONDS });
  database.pragma(`cache_size = -${READING_CACHE_KIB}`);
  return database;
}

/** Up to where the log is applied. */
export function readMark(database: SqliteDatabase): LogMark {
  return database.prepare('SELECT lsn, segment, position FROM mark WHERE id = 1').get() as LogMark;
}
