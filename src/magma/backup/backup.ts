import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { type BackupEnd, BackupWriter } from '../../dht/backup/format.ts';
import { type BackupNetwork, take } from '../../dht/backup/take.ts';
import { Pace } from '../../dht/replication/pace.ts';
import { SLICES } from '../../flare/keys.ts';
import { VERSION } from '../../magmad/version.ts';
import type { CommandSpec } from '../command.ts';
import { askEvery } from '../every.ts';
import { until } from '../files/run.ts';
import { interruptible } from '../files/signals.ts';
import { type Asking, keyOf, readAsking, usageError } from '../options.ts';
import { bytesText, progress } from '../progress.ts';
import { asking } from '../ring.ts';
import { connectAny, type RingClient } from '../ring-client.ts';
import { type BackupFile, backupFile, backupName, backupsIn } from './directory.ts';
import { fileTarget, pipeTarget } from './target.ts';

/** `magma backup`, as its help has it. */
export const BACKUP: CommandSpec = {
  name: 'backup',
  brief: 'makes a backup of the network while it serves',
  title: 'makes a backup of the whole network while it serves, as it was at one moment',
  usage: ['[-i] [--rate MIB] DIRECTORY', '[--after FILE] [--rate MIB] -'],
  text: [
    'Reads all slices from the volcanos that have them, and what changes meanwhile, up to one moment that is the same for all: what was under way then is in it as a power cut of all volcanos would leave it. At that moment answers wait for some milliseconds, two seconds at most. A volcano that dies meanwhile is replaced, and the backup goes on.',
    'In DIRECTORY, which is made if need be, a backup is a file named by the time (UTC), which has that name when it is complete; before, and when it is broken off, it has none. With - it is written to standard output: what reads it finds out by itself whether it is complete.',
    'With --incremental, or --after, it holds what has come since another one, as far as the logs still have that, and whole slices where they do not. magma restore needs all of them.',
    'It holds all files as they are, and the secret under which handles are made, and is not encrypted: keep it as the files themselves. Rules of shares lie in files of their own, which are not in it.',
  ],
  flags: {
    incremental: {
      short: 'i',
      help: 'only what has come since the newest backup of this network in DIRECTORY; all, when there is none',
    },
    after: { value: 'FILE', help: 'only what has come since the backup in that file', takes: 'file' },
    rate: { value: 'MIB', help: 'read at most so many MiB a second' },
    quiet: { short: 'q', help: 'do not show how far it is' },
    json: { help: 'one JSON object: backup, id, follows, taken, epoch, whole (slices), records, bytes; not with -' },
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
      (ring) => makeBackup(ring, asked, to, rate, signal),
    ),
  );
}

async function before(ring: RingClient, { flags }: Asking, to: string): Promise<BackupFile | null> {
  const network = ring.projection.networkId;
  if (typeof flags.after === 'string') {
    const file = await backupFile(flags.after);
    if (file.header.network !== network) throw new Error(`${file.path}: it is a backup of another network`);
    return file;
  }
  if (flags.incremental !== true) return null;
  const all = await backupsIn(to, (problem) => process.stderr.write(`magma: ${problem}\n`)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return all.filter(({ header }) => header.network === network).at(-1) ?? null;
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

async function makeBackup(
  ring: RingClient,
  asked: Asking,
  to: string,
  rate: number | null,
  signal: AbortSignal,
): Promise<number> {
  const { json, flags } = asked;
  const last = await before(ring, asked, to);
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
    await writer.begin({ id, network: ring.projection.networkId, begun, version: VERSION, follows });
    const taking = take({
      ...{ network: networkOf(ring), clock: systemClock, random: systemRandom, from: follows?.at ?? null },
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
  tell(end, name, last, writer.bytes, json);
  return 0;
}

function tell(end: BackupEnd, name: string, last: BackupFile | null, bytes: number, json: boolean): void {
  const { id, taken, epoch, whole, records } = end;
  const follows = last?.header.id ?? null;
  if (json) {
    process.stdout.write(`${JSON.stringify({ backup: name, id, follows, taken, epoch, whole, records, bytes })}\n`);
    return;
  }
  const what = last === null ? 'the whole network' : `what has come since ${last.path}`;
  const slices =
    last !== null && whole.length > 0 ? `; ${whole.length} slices whole, since logs do not go so far back` : '';
  const line = `${name === '-' ? 'a backup' : name}: ${what} at ${taken}, ${bytesText(bytes)}${slices}\n`;
  (name === '-' ? process.stderr : process.stdout).write(line);
}
