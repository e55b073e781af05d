import type { Random } from '../../base/random.ts';
import { CONF_NAME, type Conf, LONG_NAME_MAX } from './conf.ts';
import { CipherError } from './errors.ts';
import { IV_BYTES, seal, unseal } from './gcm.ts';
import { deriveKey, MasterKey } from './keys.ts';
import { placeOf } from './place.ts';
import { KEY_BYTES, STRETCH_LOG_N, STRETCH_MIN, type StretchCost, stretchPassphrase } from './stretch.ts';

/** What a new tree may be told. */
export interface NewConf {
  /** The program that makes it, for whoever reads `gocryptfs.conf`. */
  readonly creator: string;
  /** log2 of scrypt's N, 10 to 20; `STRETCH_LOG_N` when it is not given. */
  readonly stretchLogN?: number;
  /** As in `Conf`; 255 when it is not given. RangeError outside of 62 to 255. */
  readonly longNameMax?: number;
}

/**
 * A new configuration with a new master key under this passphrase. The caller wipes both when they have served. Rejects with PASSPHRASE_REFUSED.
 */
export async function createConf(
  passphrase: Uint8Array,
  { creator, stretchLogN = STRETCH_LOG_N, longNameMax = LONG_NAME_MAX.most }: NewConf,
  random: Random,
): Promise<{ conf: Conf; master: MasterKey }> {
  if (longNameMax < LONG_NAME_MAX.least || longNameMax > LONG_NAME_MAX.most) {
    throw new RangeError(`LongNameMax must be ${LONG_NAME_MAX.least} to ${LONG_NAME_MAX.most}, not ${longNameMax}`);
  }
  const master = new MasterKey(random.bytes(KEY_BYTES));
  const cost = newCost(2 ** stretchLogN, random);
  const sealedKey = await sealMaster(master, passphrase, cost, random);
  return { conf: { creator, sealedKey, cost, longNameMax, others: {} }, master };
}

/**
 * The master key. PASSPHRASE_WRONG when it does not come out: the configuration is whole then in all that can be seen without the passphrase (`parseConf`
 * has said so), but nothing tells a wrong passphrase from a salt or a sealed key of which a bit was changed. PASSPHRASE_REFUSED.
 */
export async function unlock(conf: Conf, passphrase: Uint8Array): Promise<MasterKey> {
  const stretched = await stretchPassphrase(passphrase, conf.cost);
  const bytes = unseal(deriveKey(stretched, 'contents'), placeOf(0), conf.sealedKey);
  stretched.fill(0);
  if (bytes === null) {
    throw new CipherError(
      'PASSPHRASE_WRONG',
      `wrong passphrase; if it is surely right, the key in ${CONF_NAME} is damaged: put a copy of that file back, or use the master key`,
    );
  }
  return new MasterKey(bytes);
}

/**
 * The same tree under another passphrase: the same master key, sealed anew with a new salt, at least at today's cost. Who has kept the old
 * configuration and the old passphrase can still open the tree. PASSPHRASE_REFUSED.
 */
export async function changePassphrase(
  conf: Conf,
  master: MasterKey,
  passphrase: Uint8Array,
  random: Random,
  stretchLogN = Math.max(STRETCH_LOG_N, Math.log2(conf.cost.N)),
): Promise<Conf> {
  const cost = newCost(2 ** stretchLogN, random);
  return { ...conf, cost, sealedKey: await sealMaster(master, passphrase, cost, random) };
}

function newCost(N: number, random: Random): StretchCost {
  return { salt: random.bytes(STRETCH_MIN.saltBytes), N, r: STRETCH_MIN.r, p: STRETCH_MIN.p };
}

async function sealMaster(
  master: MasterKey,
  passphrase: Uint8Array,
  cost: StretchCost,
  random: Random,
): Promise<Buffer> {
  const stretched = await stretchPassphrase(passphrase, cost);
  const key = deriveKey(stretched, 'contents');
  stretched.fill(0);
  return master.expose((bytes) => seal(key, random.bytes(IV_BYTES), placeOf(0), bytes));
}
