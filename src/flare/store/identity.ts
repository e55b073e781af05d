import type { Disk } from '../../base/disk.ts';
import { NETWORK_ID_BYTES } from '../kml/format.ts';

/** The file that says that a directory is magma's, and of which network. */
export const NETWORK_FILE = 'network';
/** The format of data directories that this program writes; it reads no newer one. */
export const DIRECTORY_FORMAT = 1;

const TEMPORARY_FILE = 'network.new';
const FILE_BYTES_MAX = 4096;
/** Names that say nothing about what a directory is. */
const NEUTRAL = new Set(['lost+found', TEMPORARY_FILE, 'kml']);

/** Why a store cannot be opened: something that an operator has to set right. */
export class StoreOpenError extends Error {
  readonly reason: 'locked' | 'foreign' | 'format' | 'empty' | 'damaged' | 'full';
  constructor(reason: StoreOpenError['reason'], message: string) {
    super(message);
    this.name = 'StoreOpenError';
    this.reason = reason;
  }
}

async function readText(disk: Disk): Promise<string> {
  const file = await disk.open(NETWORK_FILE);
  try {
    const bytes = Buffer.alloc(Math.min(FILE_BYTES_MAX, await file.size()));
    return bytes.subarray(0, await file.read(bytes, 0)).toString('utf8');
  } finally {
    await file.close();
  }
}

function parse(text: string): { format?: unknown; network?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Whether the directory holds a log. */
export async function holdsLog(disk: Disk): Promise<boolean> {
  return (await disk.list('kml')).some((name) => name.endsWith('.seg'));
}

/** The network's 16 bytes; null when the directory holds no network yet and may be booted. Throws `StoreOpenError`. */
export async function readIdentity(disk: Disk): Promise<Buffer | null> {
  const names = await disk.list('');
  const where = `the data directory ${disk.path}`;
  if (!names.includes(NETWORK_FILE)) {
    if (await holdsLog(disk)) {
      throw new StoreOpenError(
        'damaged',
        `${where} holds a log but its file "${NETWORK_FILE}" is missing: restore that file from a copy`,
      );
    }
    const strange = names.filter((name) => !NEUTRAL.has(name) && !name.startsWith('lock') && !name.startsWith('index'));
    if (strange.length === 0) return null;
    throw new StoreOpenError(
      'foreign',
      `${where} is no magma directory: it holds "${strange[0]}"; choose an empty directory, or one that does not exist yet`,
    );
  }
  const { format, network } = parse(await readText(disk));
  if (typeof format === 'number' && format > DIRECTORY_FORMAT) {
    throw new StoreOpenError(
      'format',
      `${where} has format ${format}, and this program reads up to format ${DIRECTORY_FORMAT}: use a newer magma`,
    );
  }
  if (format !== DIRECTORY_FORMAT || typeof network !== 'string' || !/^[0-9a-f]{32}$/.test(network)) {
    throw new StoreOpenError('damaged', `the file "${NETWORK_FILE}" in ${where} is damaged: restore it from a copy`);
  }
  return Buffer.from(network, 'hex');
}

/** Makes the directory that of a new network, durably. */
export async function writeIdentity(disk: Disk, network: Buffer): Promise<void> {
  if (network.length !== NETWORK_ID_BYTES) throw new RangeError(`a network id has ${NETWORK_ID_BYTES} bytes`);
  await disk.remove(TEMPORARY_FILE);
  const file = await disk.create(TEMPORARY_FILE);
  try {
    const text = JSON.stringify({ format: DIRECTORY_FORMAT, network: network.toString('hex') });
    await file.writeDurable([Buffer.from(`${text}\n`)], 0);
  } finally {
    await file.close();
  }
  await disk.rename(TEMPORARY_FILE, NETWORK_FILE);
  await disk.syncDirectory('');
}
