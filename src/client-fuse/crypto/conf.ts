import * as v from 'valibot';
import { CipherError } from './errors.ts';
import { SEAL_BYTES } from './gcm.ts';
import { costFault, KEY_BYTES, type StretchCost } from './stretch.ts';

/** The name of the configuration, in the root directory of the ciphertext. Encrypted names have no dot, so no file can be called so by accident. */
export const CONF_NAME = 'gocryptfs.conf';
/** Its permissions: the owner may read it. */
export const CONF_MODE = 0o400;
/** The longest configuration that is looked at, in bytes; gocryptfs writes about 400. */
export const CONF_BYTES_MAX = 64 * 1024;
/** The most feature flags that are looked at. */
export const CONF_FLAGS_MAX = 64;
/** The longest flag and creator that are looked at, in characters. */
export const CONF_WORD_CHARACTERS_MAX = 256;
/** The version of the format. */
export const CONF_VERSION = 2;
/** Bytes of the sealed master key. */
export const SEALED_KEY_BYTES = KEY_BYTES + SEAL_BYTES;
/** What `LongNameMax` may be: names that are longer when encrypted go into files of their own. 62 is the longest name of such a pair of files. */
export const LONG_NAME_MAX = { least: 62, most: 255 } as const;

/** The flags that are always there: each is a part of the format that is done here in this way only. */
export const FLAGS = ['HKDF', 'GCMIV128', 'DirIV', 'EMENames', 'LongNames', 'Raw64'] as const;
/** The flag of a tree with a `LongNameMax` below 255. */
export const LONG_NAME_MAX_FLAG = 'LongNameMax';

/** What `gocryptfs.conf` says. */
export interface Conf {
  /** The program that made it. */
  readonly creator: string;
  /** The master key, sealed under a key that comes from the passphrase. */
  readonly sealedKey: Buffer;
  readonly cost: StretchCost;
  /** The longest encrypted name, in bytes, that is stored as it is. */
  readonly longNameMax: number;
  /** Fields of which nothing is known here; they are kept when the passphrase changes. */
  readonly others: Readonly<Record<string, unknown>>;
}

const word = v.pipe(v.string(), v.maxLength(CONF_WORD_CHARACTERS_MAX));

const FIRST = v.looseObject({
  Version: v.number(),
  FeatureFlags: v.pipe(v.array(word), v.maxLength(CONF_FLAGS_MAX)),
});

const ALL = v.looseObject({
  Creator: v.optional(word, ''),
  EncryptedKey: word,
  ScryptObject: v.object({
    Salt: word,
    N: v.number(),
    R: v.number(),
    P: v.number(),
    KeyLen: v.literal(KEY_BYTES),
  }),
  Version: v.number(),
  FeatureFlags: v.array(word),
  LongNameMax: v.optional(v.number()),
});

/**
 * Reads `gocryptfs.conf`. CONF_BROKEN when it is no such file or out of bounds, CONF_UNSUPPORTED, with its name, for a flag that is not known or is missing.
 * The format is that of gocryptfs(1), `-init`; nothing in it but the sealed key is authenticated.
 */
export function parseConf(bytes: Uint8Array): Conf {
  const json = jsonOf(bytes);
  const { Version, FeatureFlags } = checked(FIRST, json);
  if (Version !== CONF_VERSION) unsupported(`version ${Version} of the format; only ${CONF_VERSION} is known`);
  const flags = new Set(FeatureFlags);
  for (const flag of flags) {
    if (flag !== LONG_NAME_MAX_FLAG && !(FLAGS as readonly string[]).includes(flag)) {
      unsupported(
        `the feature flag ${JSON.stringify(flag)}, which is not known here: open the tree with gocryptfs itself`,
      );
    }
  }
  for (const flag of FLAGS) {
    if (!flags.has(flag))
      unsupported(`a tree without the feature flag ${flag}: copy it into a new one that has it, with gocryptfs itself`);
  }

  const {
    Creator,
    EncryptedKey,
    ScryptObject,
    LongNameMax,
    Version: _version,
    FeatureFlags: _flags,
    ...others
  } = checked(ALL, json);
  const { Salt, N, R, P } = ScryptObject;
  const sealedKey = base64Of('EncryptedKey', EncryptedKey);
  if (sealedKey.length !== SEALED_KEY_BYTES) {
    broken(`EncryptedKey has ${sealedKey.length} bytes; it must have ${SEALED_KEY_BYTES}`);
  }
  const cost = { salt: base64Of('ScryptObject.Salt', Salt), N, r: R, p: P };
  const fault = costFault(cost);
  if (fault !== null) broken(fault);
  return {
    creator: Creator,
    sealedKey,
    cost,
    longNameMax: longNameMaxOf(flags.has(LONG_NAME_MAX_FLAG), LongNameMax),
    others,
  };
}

/** What `parseConf` reads, in gocryptfs's own order and layout. */
export function formatConf(conf: Conf): Buffer {
  const limited = conf.longNameMax !== LONG_NAME_MAX.most;
  const json = {
    ...conf.others,
    Creator: conf.creator,
    EncryptedKey: conf.sealedKey.toString('base64'),
    ScryptObject: {
      Salt: Buffer.from(conf.cost.salt).toString('base64'),
      N: conf.cost.N,
      R: conf.cost.r,
      P: conf.cost.p,
      KeyLen: KEY_BYTES,
    },
    Version: CONF_VERSION,
    FeatureFlags: limited ? [...FLAGS, LONG_NAME_MAX_FLAG] : FLAGS,
    ...(limited ? { LongNameMax: conf.longNameMax } : {}),
  };
  return Buffer.from(`${JSON.stringify(json, null, '\t')}\n`, 'utf8');
}

function jsonOf(bytes: Uint8Array): unknown {
  if (bytes.length > CONF_BYTES_MAX) broken(`it has ${bytes.length} bytes; the most is ${CONF_BYTES_MAX}`);
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return broken('it is no JSON');
  }
}

function checked<const Schema extends v.GenericSchema>(schema: Schema, json: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  return broken(`${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`);
}

function longNameMaxOf(flagged: boolean, value: number | undefined): number {
  if (flagged !== (value !== undefined)) {
    broken(`the feature flag and the field ${LONG_NAME_MAX_FLAG} must be there both, or none of them`);
  }
  const { least, most } = LONG_NAME_MAX;
  if (value === undefined) return most;
  if (!Number.isInteger(value) || value < least || value > most) {
    broken(`${LONG_NAME_MAX_FLAG} is ${value}; it must be ${least} to ${most}`);
  }
  return value;
}

function base64Of(field: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : broken(`${field} is no base64`);
}

function broken(what: string): never {
  throw new CipherError('CONF_BROKEN', `${CONF_NAME}: ${what}. Put a copy of it back, or use the master key`);
}

function unsupported(what: string): never {
  throw new CipherError('CONF_UNSUPPORTED', `${CONF_NAME} has ${what}`);
}
