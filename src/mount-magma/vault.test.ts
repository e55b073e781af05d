import t from 'tap';
import { parseConf } from '../client-fuse/crypto/conf.ts';
import { MasterKey } from '../client-fuse/crypto/keys.ts';
import { CONF } from '../client-fuse/crypto/testing/gocryptfs-tree.ts';
import { infoText } from './info.ts';
import { packVault, unpackVault, VAULT_BYTES } from './vault.ts';

t.test('a vault comes out of the pipe as it went in, and what carried it is wiped', async (t) => {
  const master = MasterKey.parse('0123456789abcdef'.repeat(4));
  for (const longNameMax of [62, 100, 255]) {
    const bytes = packVault({ master, longNameMax });
    t.equal(bytes.length, VAULT_BYTES);
    const out = unpackVault(bytes);
    t.equal(out.master.text(), master.text());
    t.equal(out.longNameMax, longNameMax);
    t.ok(bytes.every((byte) => byte === 0));
  }
  t.throws(() => unpackVault(Buffer.alloc(VAULT_BYTES)), /no vault/);
  t.throws(() => unpackVault(Buffer.alloc(VAULT_BYTES - 1, 255)), /no vault/);
});

t.test('what is said of a tree: flags and costs, no salt and no key, nothing that moves the cursor', async (t) => {
  const conf = parseConf(Buffer.from(CONF));
  t.equal(
    infoText({ ...conf, creator: 'evil\x1b[2J\n' }),
    `Creator:           evil?[2J?
Version:           2
FeatureFlags:      HKDF GCMIV128 DirIV EMENames LongNames Raw64
EncryptedKey:      64B
ScryptObject:      Salt=32B N=1024 R=8 P=1 KeyLen=32
contentEncryption: AES-GCM-256
`,
  );
  t.match(infoText({ ...conf, longNameMax: 100 }), /Raw64 LongNameMax\nLongNameMax: +100\n/);
});
