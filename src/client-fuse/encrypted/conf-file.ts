import type { FlareService } from '../../flare/service.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { CONF_BYTES_MAX, CONF_NAME, type Conf, formatConf, parseConf } from '../crypto/conf.ts';
import { CipherError } from '../crypto/errors.ts';
import { isRefusal, unless } from './refusals.ts';
import { TreeError } from './tree-error.ts';

/** `gocryptfs.conf` as it was read. */
export interface ConfFile {
  readonly conf: Conf;
  /** Of the file, at the version that was read. */
  readonly attributes: Attributes;
}

/**
 * Reads `gocryptfs.conf` of the directory that holds the ciphertext of an encrypted tree; null when there is none. TreeError `damaged` when it is no file, CipherError as
 * `parseConf`, FlareError when it may not be read. Not more than `CONF_BYTES_MAX` is read.
 */
export async function readConfFile(service: FlareService, caller: Caller, top: FlareId): Promise<ConfFile | null> {
  const found = await lookup(service, caller, top, CONF_NAME);
  if (found === null) return null;
  if (found.type !== FlareType.file) throw new TreeError('damaged', `${CONF_NAME} is no file. Put a copy of it back`);
  const { data, attributes } = await service.read(caller, found, 0, CONF_BYTES_MAX + 1);
  return { conf: parseConf(data), attributes };
}

/**
 * Puts another configuration in the place of the one that was read, if nobody has changed that meanwhile; else TreeError `changed`, and nothing is done. It is one
 * write, which is there whole or not at all, so nobody reads half of it, and owner, permissions and links stay.
 */
export async function replaceConfFile(
  service: FlareService,
  caller: Caller,
  { attributes }: ConfFile,
  conf: Conf,
): Promise<void> {
  const { size, version } = attributes;
  const text = formatConf(conf);
  // The end of the old one is written over with white space, which means nothing there.
  const bytes = Buffer.alloc(Math.max(size, text.length), '\n');
  text.copy(bytes);
  if (bytes.length > CONF_BYTES_MAX) {
    throw new CipherError(
      'CONF_BROKEN',
      `${CONF_NAME} would have ${bytes.length} bytes; the most is ${CONF_BYTES_MAX}`,
    );
  }
  try {
    await service.write(caller, attributes, 0, bytes, { version });
  } catch (error) {
    if (!isRefusal(error, 'VERSION', 'STALE')) throw error;
    throw new TreeError('changed', `${CONF_NAME} was changed by somebody else just now. Cure: try again`);
  }
}

/** What has that name; null when nothing has. */
export async function lookup(
  service: FlareService,
  caller: Caller,
  directory: FlareId,
  name: Name,
): Promise<Attributes | null> {
  return unless(['NOENT'], () => service.lookup(caller, directory, name), null);
}
