import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { openDisk } from '../../base/system-disk.ts';
import { BackupError } from '../../dht/backup/errors.ts';
import { type BackupPiece, type BackupShare, readBackups } from '../../dht/backup/format.ts';
import { type Restored, restore } from '../../dht/backup/restore.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { openStore } from '../../flare/store/open.ts';
import { UsageError } from '../../magmad/usage.ts';
import { ASKING_FLAGS, type CommandSpec } from '../command.ts';
import { Interrupted } from '../files/problem.ts';
import { reach } from '../files/reach.ts';
import { goOn } from '../files/run.ts';
import { interruptible } from '../files/signals.ts';
import { keyOf, readAsking, readWords, usageError, type Words } from '../options.ts';
import { type Progress, progress } from '../progress.ts';
import { failed } from '../ring.ts';
import { chainOf, inFile } from './directory.ts';
import { type PutTree, putTree } from './put-tree.ts';
import { lacks } from './share.ts';
import { syncDirectory } from './target.ts';

/** `magma restore`, as its help has it. */
export const RESTORE: CommandSpec = {
  name: 'restore',
  brief: 'makes a network, or a share, of backups',
  title:
    'makes a data directory of backups, with which a network begins; or puts a share of them into a network that runs',
  usage: [
    '[-q] BACKUP --to DIRECTORY',
    '[-q] BACKUP --share PATH --into PATH [--work DIRECTORY] [--at ADDR[:PORT]] [--key-file FILE] [--config FILE]',
  ],
  text: [
    'BACKUP is a directory, of which the newest backup is meant that has what is asked for, a file, or - for standard input. What a backup needs besides is found beside it; of several on standard input each follows the one before it. What is torn, damaged or missing is refused, and nothing is left of what was begun.',
    'With --to, of backups of the whole network: DIRECTORY, which must be empty or not be there, becomes that of a volcano that is alone. magmad -b with a key begins a network with it, and other volcanos join that, with empty directories. Handles that NFS clients hold stay valid; what mount.magma needs (magma key client) is to be given anew, since it is another network: no volcano of the old one can come between. Locks are given up, and clients told.',
    'With --share: the directory at that path of the backup, of a share or any other, is put into the tree as a new directory, with owners, permissions, times of change, links and devices. PATH of --into must not be there, its directory must. It has that name when all of it is there.',
    'The backup is unpacked first, into --work: that takes as much room as it has files.',
  ],
  flags: {
    to: { value: 'DIRECTORY', help: 'the data directory that is made', takes: 'directory' },
    share: { value: 'PATH', help: 'only that directory of the backup' },
    into: { value: 'PATH', help: 'where it goes in the tree of the network that runs' },
    work: {
      value: 'DIRECTORY',
      help: "where it is unpacked meanwhile; else the system's directory for such",
      takes: 'directory',
    },
    quiet: { short: 'q', help: 'do not show how far it is' },
    at: ASKING_FLAGS.at,
    'key-file': ASKING_FLAGS['key-file'],
    config: ASKING_FLAGS.config,
    json: {
      help: 'one JSON object: network, taken, backups, records, done and undone (operations that were under way); with --to directory; with --share into, files, directories, others, bytes',
    },
  },
  asks: false,
  status: '0 it is restored; 1 it is not, and why; 2 the command line is wrong; 130 broken off with ^C',
  words: 'local',
};

/** Bytes that are read of a backup at once. */
const READ_BYTES = 1024 * 1024;

/** `magma restore`. Resolves with the exit status. */
export async function restoreCommand(argv: readonly string[]): Promise<number> {
  const { words, flags } = readWords(RESTORE, argv);
  const [backup, more] = words;
  if (backup === undefined || more !== undefined) throw usageError(RESTORE, 'one backup is needed');
  const { to, share, into } = flags;
  if ((to === undefined) === (share === undefined))
    throw usageError(RESTORE, 'say what is to be made: --to or --share');
  if ((share === undefined) !== (into === undefined)) throw usageError(RESTORE, '--share and --into go together');
  if (to !== undefined) {
    const astray = ['at', 'key-file', 'config', 'work'].find((name) => flags[name] !== undefined);
    if (astray !== undefined) throw usageError(RESTORE, `--${astray} goes with --share`);
  }
  const json = flags.json === true;
  return interruptible(async (signal) => {
    const bar = progress('restore', 'bytes', { wanted: !json && flags.quiet !== true });
    try {
      if (typeof to === 'string') await makeDirectory(backup, to, { bar, signal, json });
      else await makeShare(backup, argv, flags, { bar, signal, json });
      return 0;
    } catch (error) {
      bar.end();
      if (error instanceof UsageError) throw error;
      return failed(json, error instanceof Interrupted ? new Error('broken off: nothing was restored') : error);
    }
  });
}

type Told = Omit<Restored, 'share'>;

interface How {
  readonly bar: Progress;
  readonly signal: AbortSignal;
  readonly json: boolean;
}

async function makeDirectory(backup: string, to: string, how: How): Promise<void> {
  const there = await readdir(to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new Error(`${to}: ${error.code === 'ENOTDIR' ? 'it is not a directory' : error.message}`);
  });
  if (there !== null && there.length > 0)
    throw new Error(
      `${to} holds "${there[0]}": nothing is replaced; name an empty directory, or one that does not exist`,
    );
  const target = resolve(to);
  // Beside it, so that it can get its name at once; what is not complete is no data directory.
  const temporary = await mkdtemp(join(dirname(target), `.${basename(target)}.restoring-`));
  try {
    const { told } = await unpack(backup, null, temporary, how, async () => {});
    if (there !== null) await rmdir(target);
    await rename(temporary, target);
    await syncDirectory(dirname(target));
    how.bar.end();
    tellNetwork(told, to, how.json);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function makeShare(backup: string, argv: readonly string[], flags: Words['flags'], how: How): Promise<void> {
  const asking = readAsking(RESTORE, argv);
  const key = keyOf(RESTORE, asking.config);
  const { share, into, work } = flags as { share: string; into: string; work?: string };
  const temporary = await mkdtemp(join(work ?? tmpdir(), 'magma-restore-'));
  const reached = await reach(asking, key).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  });
  try {
    const { told, made } = await unpack(backup, share, temporary, how, (store, of) =>
      putTree(store, share, of, reached.tree, into, how),
    );
    how.bar.end();
    tellShare(told, made, { share, into }, how.json);
  } finally {
    await reached.close();
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Makes a data directory of backups that have all of a directory `wanted` (null: of the network), and does something with what it holds. */
async function unpack<T>(
  backup: string,
  wanted: string | null,
  directory: string,
  { bar, signal }: How,
  work: (store: LocalStore, of: BackupShare | null) => Promise<T>,
): Promise<{ readonly told: Told; readonly made: T }> {
  const store = await openStore({ disk: await openDisk(directory), logger: silentLogger, boot: true });
  try {
    const pieces = piecesOf(backup, wanted, signal);
    const { share, ...told } = await restore(store, pieces, systemClock, (bytes) => bar.add(bytes));
    return { told, made: await work(store, share) };
  } finally {
    await store.close();
  }
}

async function* piecesOf(backup: string, wanted: string | null, signal: AbortSignal): AsyncGenerator<BackupPiece> {
  if (backup === '-') {
    for await (const piece of interrupted(readBackups(process.stdin), signal)) {
      const problem = piece.kind === 'header' ? lacks(piece.header, wanted) : null;
      if (problem !== null) throw new BackupError(problem);
      yield piece;
    }
    return;
  }
  const chain = await chainOf(backup, wanted, (problem) => process.stderr.write(`magma: passed over: ${problem}\n`));
  for (const { path } of chain) {
    try {
      yield* interrupted(readBackups(createReadStream(path, { highWaterMark: READ_BYTES })), signal);
    } catch (error) {
      throw error instanceof BackupError ? inFile(path, error) : error;
    }
  }
}

async function* interrupted(pieces: AsyncIterable<BackupPiece>, signal: AbortSignal): AsyncGenerator<BackupPiece> {
  for await (const piece of pieces) {
    goOn(signal);
    yield piece;
  }
}

function tellNetwork(told: Told, directory: string, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...told, directory })}\n`);
    return;
  }
  process.stdout.write(
    `${directory}: what network ${told.network} was at ${told.taken}, of ${told.backups} ${told.backups === 1 ? 'backup' : 'backups'}.\n` +
      `It is another network from now on, that begins with: magmad -b -n NICKNAME -d ${directory} --key-file FILE\n`,
  );
}

function tellShare(told: Told, put: PutTree, { share, into }: { share: string; into: string }, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...told, into, ...put })}\n`);
    return;
  }
  const { files, directories, others } = put;
  process.stdout.write(
    `${into}: ${share} as it was at ${told.taken}: ${files} files, ${directories} directories, ${others} others\n`,
  );
}
