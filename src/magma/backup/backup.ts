import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { type BackupEnd, type BackupShare, BackupWriter } from '../../dht/backup/format.ts';
import { type BackupNetwork, take } from '../../dht/backup/take.ts';
import { Pace } from '../../dht/replication/pace.ts';
import { SLICES } from '../../flare/keys.ts';
import { VERSION } from '../../magmad/version.ts';
import type { CommandSpec } from '../command.ts';
import { askEvery } from '../every.ts';
import { remotePath } from '../files/paths.ts';
import { reach } from '../files/reach.ts';
import { until } from '../files/run.ts';
import { interruptible } from '../files/signals.ts';
import { type Asking, keyOf, readAsking, usageError } from '../options.ts';
import { bytesText, progress } from '../progress.ts';
import { asking } from '../ring.ts';
import { connectAny, type RingClient } from '../ring-client.ts';
import { type BackupFile, backupFile, backupName, backupsIn } from './directory.ts';
import { directoryAt, sameShare, whatOf } from './share.ts';
import { fileTarget, pipeTarget } from './target.ts';

/** `magma backup`, as its help has it. */
export const BACKUP: CommandSpec = {
  name: 'backup',
  brief: 'makes a backup of the network while it serves',
  title: 'makes a backup of the whole network, or of a share, while it serves, as it was at one moment',
  usage: ['[-i] [--share PATH] [--rate MIB] DIRECTORY', '[--after FILE] [--share PATH] [--rate MIB] -'],
  text: [
    'Reads all slices from the volcanos that have them, and what changes meanwhile, up to one moment that is the same for all: what was under way then is in it as a power cut of all volcanos would leave it. At that moment answers wait for some milliseconds, two seconds at most. A volcano that dies meanwhile is replaced, and the backup goes on.',
    'In DIRECTORY, which is made if need be, a backup is a file named by the time (UTC), which has that name when it is complete; before, and when it is broken off, it has none. With - it is written to standard output: what reads it finds out by itself whether it is complete.',
    'With --incremental, or --after, it holds what has come since another one, as far as the logs still have that, and whole slices where they do not. magma restore needs all of them.',
    'With --share: all that lies in the directory at that path, and only that can be restored of it. Contents are read by the shares in which files count: those of the share that the directory belongs to are all in it, and those of other shares when something that lies in the directory counts there, which is then said. Of all else there are names and attributes, some 200 bytes for each file.',
    'It holds all files as they are, and the secret under which handles are made, and is not encrypted: keep it as the files themselves. Rules of shares lie in files of their own, which are not in it.',
  ],
  flags: {
    incremental: {
      short: 'i',
      help: 'only what has come since the newest backup of this network, or of this directory of it, in DIRECTORY; all, when there is none',
    },
    share: { value: 'PATH', help: 'only that directory of the network' },
    after: { value: 'FILE', help: 'only what has come since the backup in that file', takes: 'file' },
    rate: { value: 'MIB', help: 'read at most so many MiB a second' },
    quiet: { short: 'q', help: 'do not show how far it is' },
    json: {
      help: 'one JSON object: backup, share (null: all), shares (numbers of those whose contents are in it), id, follows, taken, epoch, whole (slices), records, bytes; not with -',
    },
  },
  asks: true,
  status: '0 it is complete; 1 there is none, and why; 2 the command line is wrong; 130 broken off with ^C',
  words: 'directory',
};

/** `magma backup`. Resolves with the exit status. */
export async function backupCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(BACKUP, argv);
  const { json, words, flags, config } = asked;
  const [to, more] = words;
  if (to === undefined || more !== undefined) throw usageError(BACKUP, 'one directory, or -, is needed');
  const piped = to === '-';
  if (piped && process.stdout.isTTY === true)
    throw usageError(BACKUP, 'standard output is a terminal: send it somewhere');
  if (piped && json) throw usageError(BACKUP, 'with - standard output is for the backup: --json cannot be');
  if (piped && flags.incremental === true) throw usageError(BACKUP, 'with - say after which one: --after FILE');
  if (flags.incremental === true && flags.after !== undefined)
    throw usageError(BACKUP, '--incremental and --after exclude each other');
  const rate = flags.rate === undefined ? null : Number(flags.rate);
  if (rate !== null && !(rate > 0)) throw usageError(BACKUP, `--rate: "${flags.rate}" is no number of MiB`);
  const key = keyOf(BACKUP, config);
  return interruptible((signal) =>
    asking(
      json,
      async () => (await connectAny(asked, key)).ring,
      async (ring) => makeBackup(ring, { asked, to, rate, signal, of: await findShare(asked, key) }),
    ),
  );
}

/** What is asked for. */
interface Wanted {
  readonly asked: Asking;
  readonly to: string;
  readonly rate: number | null;
  readonly signal: AbortSignal;
  /** A directory, and the share that it counts in; null: all. */
  readonly of: { readonly share: BackupShare; readonly number: number } | null;
}

async function findShare(asked: Asking, key: string): Promise<Wanted['of']> {
  const { share: path } = asked.flags;
  if (typeof path !== 'string') return null;
  const { tree, close } = await reach(asked, key);
  try {
    const { names } = remotePath(path);
    const found = await directoryAt(tree, names);
    const top = { key: found.key, generation: found.generation };
    return { share: { path: `/${names.join('/')}`, top }, number: found.share };
  } finally {
    await close();
  }
}

async function before(ring: RingClient, { asked: { flags }, to, of }: Wanted): Promise<BackupFile | null> {
  const network = ring.projection.networkId;
  const share = of?.share ?? null;
  if (typeof flags.after === 'string') {
    const file = await backupFile(flags.after);
    if (file.header.network !== network) throw new Error(`${file.path}: it is a backup of another network`);
    if (!sameShare(file.header.share, share))
      throw new Error(
        `${file.path}: it is a backup of ${whatOf(file.header.share)}, and ${whatOf(share)} cannot follow it`,
      );
    return file;
  }
  if (flags.incremental !== true) return null;
  const all = await backupsIn(to, (problem) => process.stderr.write(`magma: ${problem}\n`)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return all.findLast(({ header }) => header.network === network && sameShare(header.share, share)) ?? null;
}

function networkOf(ring: RingClient): BackupNetwork {
  return {
    get projection() {
      return ring.projection;
    },
    backup: (member) => ring.node(member).backup,
    async refresh() {
      for (const told of await askEvery(ring, (node) => node.known())) {
        const known = 'answer' in told ? told.answer : null;
        if (known !== null && known.epoch > ring.projection.epoch) ring.projection = known;
      }
    },
  };
}

async function makeBackup(ring: RingClient, wanted: Wanted): Promise<number> {
  const { asked, to, rate, signal, of } = wanted;
  const { json, flags } = asked;
  const last = await before(ring, wanted);
  const share = of?.share ?? null;
  const begun = new Date().toISOString();
  const target = to === '-' ? pipeTarget() : await fileTarget(to, backupName(begun, last === null));
  const bar = progress('backup', { things: 'slices' }, { wanted: !json && flags.quiet !== true });
  bar.expect(SLICES);
  bar.known();
  const writer = new BackupWriter((bytes) => target.write(bytes));
  let end: BackupEnd;
  let name: string;
  try {
    const follows = last === null ? null : { id: last.header.id, at: last.end.at };
    const id = systemRandom.bytes(16).toString('hex');
    await writer.begin({ id, network: ring.projection.networkId, begun, version: VERSION, share, follows });
    const taking = take({
      ...{ network: networkOf(ring), clock: systemClock, random: systemRandom, from: follows?.at ?? null },
      of: of && { top: of.share.top, shares: last?.end.shares ?? [of.number] },
      put: (records) => writer.records(records),
      ...(rate === null ? {} : { pace: new Pace(systemClock, rate * 1024 * 1024) }),
      read: () => bar.add(1),
    });
    const { time, ...taken } = await until(signal, taking);
    end = await writer.end({ ...taken, taken: new Date(time / 1000).toISOString() });
    name = await target.done();
  } catch (error) {
    bar.end();
    await target.broken();
    throw signal.aborted ? new Error('broken off: there is no backup') : error;
  }
  bar.end();
  tell(end, name, { last, share, bytes: writer.bytes, json });
  return 0;
}

interface Made {
  readonly last: BackupFile | null;
  readonly share: BackupShare | null;
  readonly bytes: number;
  readonly json: boolean;
}

function tell(end: BackupEnd, name: string, { last, share, bytes, json }: Made): void {
  const { id, taken, epoch, shares, whole, records } = end;
  const follows = last?.header.id ?? null;
  if (json) {
    const told = {
      backup: name,
      share: share && whatOf(share),
      shares,
      id,
      follows,
      taken,
      epoch,
      whole,
      records,
      bytes,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
    return;
  }
  const what = last === null ? whatOf(share) : `what has come since ${last.path}`;
  const slices =
    last !== null && whole.length > 0 ? `; ${whole.length} slices whole, since logs do not go so far back` : '';
  const wider =
    shares !== null && shares.length > 1
      ? `; what lies there counts in ${shares.length} shares, of which all contents are in it`
      : '';
  const line = `${name === '-' ? 'a backup' : name}: ${what} at ${taken}, ${bytesText(bytes)}${slices}${wider}\n`;
  (name === '-' ? process.stderr : process.stdout).write(line);
}
