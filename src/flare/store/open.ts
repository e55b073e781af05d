import { type Clock, systemClock } from '../../base/clock.ts';
import type { Disk, DiskLock } from '../../base/disk.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { type Random, systemRandom } from '../../base/random.ts';
import { FlareError } from '../errors.ts';
import { threadedIndexHost } from '../index/threaded-host.ts';
import type { IndexHost } from '../index/types.ts';
import { ROOT_KEY, sliceOf } from '../keys.ts';
import { NETWORK_ID_BYTES } from '../kml/format.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml } from '../kml/types.ts';
import { NO_BYTES } from '../record/pack.ts';
import { OperationSchema } from '../record/schema.ts';
import { FlareType } from '../types.ts';
import { Commitment } from './commitment.ts';
import { Compaction } from './compaction.ts';
import type { Core } from './core.ts';
import { directorySize } from './figures.ts';
import { Flusher } from './flusher.ts';
import { holdsLog, readIdentity, StoreOpenError, writeIdentity } from './identity.ts';
import { COOKIE_FIRST, DEFAULT_LIMITS, limitsOfDisk, type StoreLimits } from './limits.ts';
import { LocalStore } from './local-store.ts';
import { Notes } from './notes.ts';
import { Pins } from './pins.ts';
import { Redo } from './redo.ts';
import { Repair } from './repair.ts';
import { Space } from './space.ts';
import { State } from './state.ts';
import { timeOf } from './times.ts';
import { Transaction } from './transaction.ts';

export { StoreOpenError } from './identity.ts';

/** The note that holds the secret under which handles are made. */
export const SECRET_NOTE = 'network/secret';
/** The note with the generation of the network's root, of a volcano that joined it: eight bytes, big endian. */
export const ROOT_NOTE = 'volcano/root';
/** Bytes of that secret. */
export const SECRET_BYTES = 32;

export interface StoreOptions {
  /** The data directory. */
  readonly disk: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Opens the index; a worker thread on `index.sqlite` unless told otherwise. */
  readonly indexHost?: (options: { readonly disk: Disk; readonly logger: Logger }) => Promise<IndexHost>;
  /** Begins a new network when the directory is empty. */
  readonly boot?: boolean;
  /** Makes an empty directory that of a volcano which joins this network; its root is kept elsewhere. */
  readonly join?: { readonly networkId: Uint8Array; readonly rootGeneration: number };
  /** Mode and owner of a new network's root directory. */
  readonly root?: { readonly mode?: number; readonly uid?: number; readonly gid?: number };
  /** A log segment's size, in bytes. */
  readonly segmentBytes?: number;
  readonly limits?: Partial<StoreLimits>;
}

/**
 * Opens the store of a data directory: checks whose it is, brings the index up to the log, boots a new network if asked. Rejects with
 * `StoreOpenError` (in use, no magma directory, newer format, no network, damaged), the log's or the index's errors, or the host's.
 */
export async function openStore(options: StoreOptions): Promise<LocalStore> {
  const { disk } = options;
  const lock = await disk.lock();
  if (lock === null) {
    throw new StoreOpenError(
      'locked',
      `the data directory ${disk.path} is in use by another magmad: stop that one, or use another directory`,
    );
  }
  const opened: { host?: IndexHost; kml?: Kml } = {};
  try {
    return await openLocked(options, lock, opened);
  } catch (error) {
    await opened.kml?.close().catch(() => {});
    await opened.host?.close().catch(() => {});
    lock.release();
    throw error;
  }
}

async function networkOf(options: StoreOptions, random: Random): Promise<Buffer> {
  const { disk } = options;
  const found = await readIdentity(disk);
  const joined = options.join === undefined ? null : Buffer.from(options.join.networkId);
  if (found !== null) {
    if (joined === null || joined.equals(found)) {
      // A start that was broken off may have left it in the directory, and not on the disk: it is to be there before the log is.
      if (!(await holdsLog(disk))) await writeIdentity(disk, found);
      return found;
    }
    throw new StoreOpenError(
      'foreign',
      `the data directory ${disk.path} belongs to network ${found.toString('hex')}, not to ${joined.toString('hex')}: choose an empty one`,
    );
  }
  if (joined === null && options.boot !== true) throw noNetwork(disk);
  const network = joined ?? random.bytes(NETWORK_ID_BYTES);
  await writeIdentity(disk, network);
  return network;
}

function noNetwork(disk: Disk): StoreOpenError {
  return new StoreOpenError(
    'empty',
    `there is no network in ${disk.path} yet: boot a new one there (-b), or join one (-r)`,
  );
}

async function openLocked(
  options: StoreOptions,
  lock: DiskLock,
  opened: { host?: IndexHost; kml?: Kml },
): Promise<LocalStore> {
  const { disk, clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const { segmentBytes, ...ofDisk } = limitsOfDisk(disk.space().total);
  const limits: StoreLimits = { ...DEFAULT_LIMITS, ...ofDisk, ...options.limits };
  const networkId = await networkOf(options, random);
  const host = await (options.indexHost ?? threadedIndexHost)({ disk, logger });
  opened.host = host;
  const state = new State(host, random, limits);
  const flusher = new Flusher(state, host, clock, limits);
  const redo = new Redo(state, flusher, host.applied.lsn);
  const kml = await openKml({
    disk,
    clock,
    logger,
    networkId,
    random,
    from: host.applied,
    onBatch: (batch) => redo.batch(batch),
    segmentBytes: options.segmentBytes ?? segmentBytes,
  });
  opened.kml = kml;
  flusher.nextLsn = () => kml.nextLsn;

  const space = new Space(disk, clock, limits.reserveBytes);
  space.pendingBytes = () => kml.pendingBytes;
  space.indexFull = () => host.full;
  space.refresh();
  const commitment = new Commitment(kml);
  const core: Core = {
    state,
    kml,
    commitment,
    host,
    flusher,
    clock,
    limits,
    replays: state.replays,
    space,
    pins: new Pins(),
    repair: new Repair(logger),
    quotas: { limits: null },
  };
  const notes = new Notes(core);
  const compaction = new Compaction(core, notes, logger);
  space.onShort = () => compaction.considerShort();
  kml.onSealed((end, bytes) => flusher.sealed(end, bytes));
  kml.onDurable((batch) => {
    commitment.advance();
    flusher.durable(kml.durableMark);
    compaction.appended(batch.bytes.length);
  });
  host.onFailed((error) => kml.wedge(error));
  kml.onWedged((error) => {
    flusher.stop(error);
    logger.fatal({ err: error }, 'the log is wedged: changes are refused until a restart');
  });

  if (options.join !== undefined) {
    const generation = Buffer.alloc(8);
    generation.writeBigUInt64BE(BigInt(options.join.rootGeneration));
    await kml.whenDurable(notes.set(ROOT_NOTE, generation));
  }
  const rootElsewhere = notes.get(ROOT_NOTE);
  if (rootElsewhere === null && state.flareUnit(ROOT_KEY).value === null) {
    if (options.boot !== true) throw noNetwork(disk);
    await boot(core, notes, random, options).catch((error: unknown) => {
      if (!(error instanceof FlareError) || error.status !== 'NOSPC') throw error;
      const needed = Math.ceil(limits.reserveBytes / 2 ** 20);
      throw new StoreOpenError('full', `${disk.path} has too little room for a network: free more than ${needed} MiB`);
    });
  }
  const generation =
    rootElsewhere === null
      ? state.flareUnit(ROOT_KEY).value!.attributes.generation
      : Number(rootElsewhere.readBigUInt64BE());
  space.watch();
  compaction.watch();
  state.keys.learn(clock);
  const release = async (): Promise<void> => {
    space.stop();
    state.keys.stop();
    try {
      await kml.close();
      await flusher.close();
      await host.close();
    } finally {
      lock.release();
    }
  };
  return new LocalStore({ core, notes, compaction, logger, root: { key: ROOT_KEY, generation }, release });
}

/** Makes the network's secret, then the root directory: where that is, all is. */
async function boot(core: Core, notes: Notes, random: Random, { root = {} }: StoreOptions): Promise<void> {
  if (notes.get(SECRET_NOTE) === null) notes.set(SECRET_NOTE, random.bytes(SECRET_BYTES));
  const transaction = new Transaction(core, OperationSchema.boot, null, sliceOf(ROOT_KEY));
  const generation = transaction.number(ROOT_KEY);
  const now = timeOf(transaction.now);
  const size = directorySize(0);
  transaction.birth({
    attributes: {
      key: ROOT_KEY,
      generation,
      type: FlareType.directory,
      mode: root.mode ?? 0o755,
      nlink: 2,
      uid: root.uid ?? 0,
      gid: root.gid ?? 0,
      size,
      used: size,
      major: 0,
      minor: 0,
      fileid: transaction.fileid(ROOT_KEY),
      atime: now,
      mtime: now,
      ctime: now,
      version: generation,
      parent: { key: ROOT_KEY, generation },
      share: 0,
    },
    target: NO_BYTES,
    salt: NO_BYTES,
    entries: 0,
    nextCookie: COOKIE_FIRST,
    cookiesWrapped: false,
  });
  transaction.commit(null);
  await core.kml.whenDurable(core.state.seen);
}
