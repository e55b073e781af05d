import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BackupError } from '../../dht/backup/errors.ts';
import { type BackupSummary, summaryOf } from '../../dht/backup/format.ts';
import { lacks } from './share.ts';

const NAME = /^magma-\d{8}T\d{6}\.\d{3}Z-(full|more)\.backup$/;

/** One backup in a file of its own, complete as far as its end says so. */
export interface BackupFile extends BackupSummary {
  readonly path: string;
}

/** The name of a backup's file: by when it was begun, in UTC, so that the newest comes last. */
export function backupName(begun: string, full: boolean): string {
  return `magma-${begun.replace(/[-:]/g, '')}-${full ? 'full' : 'more'}.backup`;
}

/** An error that names the file. */
export function inFile(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'there is no such file' : message;
  const text = code !== 'ENOENT' && message.includes(path) ? message : `${path}: ${why}`;
  return error instanceof BackupError ? new BackupError(text) : new Error(text, { cause: error });
}

/** What a file says that it is. Rejects with an error that names it. */
export async function backupFile(path: string): Promise<BackupFile> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const read = async (position: number, length: number): Promise<Buffer> => {
        const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - position)));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, Math.max(0, position));
        return bytes.subarray(0, bytesRead);
      };
      return { path, ...(await summaryOf(read, size)) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw inFile(path, error);
  }
}

/** The backups of a directory, oldest first; of what is none, and has the name of one, `odd` is told. */
export async function backupsIn(directory: string, odd: (problem: string) => void = () => {}): Promise<BackupFile[]> {
  const found: BackupFile[] = [];
  for (const name of (await readdir(directory)).filter((one) => NAME.test(one)).sort()) {
    try {
      found.push(await backupFile(join(directory, name)));
    } catch (error) {
      odd((error as Error).message);
    }
  }
  return found;
}

/**
 * A backup with all that it needs, that which stands alone first: those before it lie in the same directory. `path`: a file, or a directory, of which the newest is meant that has all
 * of the directory `wanted` of the tree (null: of the network). Rejects when one is missing.
 */
export async function chainOf(
  path: string,
  wanted: string | null,
  odd: (problem: string) => void = () => {},
): Promise<BackupFile[]> {
  const isDirectory = (
    await stat(path).catch((error: unknown) => {
      throw inFile(path, error);
    })
  ).isDirectory();
  const all = await backupsIn(isDirectory ? path : dirname(path), isDirectory ? odd : undefined);
  const why = ({ header }: BackupFile): string | null => lacks(header, wanted);
  const last = isDirectory ? (all.findLast((one) => why(one) === null) ?? all.at(-1)) : await backupFile(path);
  if (last === undefined) throw new BackupError(`${path}: there is no complete backup in it`);
  const problem = why(last);
  if (problem !== null) throw new BackupError(`${last.path}: ${problem}`);
  const chain = [last];
  for (let first = last; first.header.follows !== null; [first] = chain as [BackupFile]) {
    const { id } = first.header.follows;
    const before = all.find(({ header }) => header.id === id);
    if (before === undefined || chain.length > all.length)
      throw new BackupError(
        `${first.path}: it holds only what has changed since another backup (${id}), which is not beside it`,
      );
    chain.unshift(before);
  }
  return chain;
}
