import { CONF_VERSION, type Conf, FLAGS, LONG_NAME_MAX, LONG_NAME_MAX_FLAG } from '../client-fuse/crypto/conf.ts';
import { KEY_BYTES } from '../client-fuse/crypto/stretch.ts';

/** What `gocryptfs -info` prints of a configuration, and its version; no secrets. */
export function infoText({ creator, sealedKey, cost, longNameMax }: Conf): string {
  const limited = longNameMax !== LONG_NAME_MAX.most;
  const flags = limited ? [...FLAGS, LONG_NAME_MAX_FLAG] : FLAGS;
  const { salt, N, r, p } = cost;
  const rows: readonly (readonly [string, string])[] = [
    // It may come from anybody: nothing in it is to move the cursor.
    ['Creator', creator.replace(/[^\x20-\x7e]/g, '?')],
    ['Version', `${CONF_VERSION}`],
    ['FeatureFlags', flags.join(' ')],
    ...(limited ? [['LongNameMax', `${longNameMax}`] as const] : []),
    ['EncryptedKey', `${sealedKey.length}B`],
    ['ScryptObject', `Salt=${salt.length}B N=${N} R=${r} P=${p} KeyLen=${KEY_BYTES}`],
    ['contentEncryption', 'AES-GCM-256'],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(18)} ${value}\n`).join('');
}
