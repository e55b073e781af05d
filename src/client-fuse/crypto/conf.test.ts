import fc from 'fast-check';
import t from 'tap';
import { seededRandom, systemRandom } from '../../base/random.ts';
import { CONF_BYTES_MAX, CONF_FLAGS_MAX, CONF_WORD_CHARACTERS_MAX, formatConf, parseConf } from './conf.ts';
import { MASTER_KEY_CHARACTERS_MAX, MasterKey } from './keys.ts';
import { CONF, MASTER_KEY, PASSPHRASE } from './testing/gocryptfs-tree.ts';
import { bytesOf, faultOf } from './testing/keys.ts';
import { changePassphrase, createConf, unlock } from './vault.ts';

const OURS = Buffer.from('correct horse battery staple');
const OPTIONS = { creator: 'magma test', stretchLogN: 10 };

t.test('a configuration that gocryptfs made opens, and comes back byte for byte', async (t) => {
  const conf = parseConf(Buffer.from(CONF));
  t.equal((await unlock(conf, Buffer.from(PASSPHRASE))).text(), MASTER_KEY);
  t.equal(formatConf(conf).toString(), CONF);
});

t.test('what is made is read as it was, with LongNameMax and without', async (t) => {
  for (const longNameMax of [62, 100, 254, 255]) {
    const { conf, master } = await createConf(OURS, { ...OPTIONS, longNameMax }, systemRandom);
    t.same(parseConf(formatConf(conf)), conf);
    t.equal((await unlock(conf, OURS)).text(), master.text());
    t.equal(formatConf(conf).includes('LongNameMax'), longNameMax !== 255);
  }
  for (const longNameMax of [61, 256]) {
    await t.rejects(createConf(OURS, { ...OPTIONS, longNameMax }, systemRandom), RangeError);
  }
});

t.test('a wrong passphrase is told apart from a file that is broken', async (t) => {
  const { conf } = await createConf(OURS, OPTIONS, systemRandom);
  t.equal(await faultOf(() => unlock(conf, Buffer.from('wrong'))), 'PASSPHRASE_WRONG');
  t.equal(await faultOf(() => unlock(conf, Buffer.alloc(0))), 'PASSPHRASE_REFUSED');
  t.equal(await faultOf(() => unlock(conf, Buffer.alloc(2001, 65))), 'PASSPHRASE_REFUSED');
});

t.test(
  'another passphrase: the same key, a new salt; the old one no longer opens it; unknown fields stay',
  async (t) => {
    const made = await createConf(OURS, OPTIONS, systemRandom);
    const text = formatConf(made.conf).toString().replace('{', '{"Future":{"a":[1]},');
    const conf = parseConf(Buffer.from(text));
    const changed = await changePassphrase(conf, made.master, Buffer.from('other'), systemRandom, 11);
    t.equal((await unlock(changed, Buffer.from('other'))).text(), made.master.text());
    t.equal(await faultOf(() => unlock(changed, OURS)), 'PASSPHRASE_WRONG');
    t.notSame(changed.cost.salt, conf.cost.salt);
    t.notSame(changed.sealedKey, conf.sealedKey);
    t.equal(changed.cost.N, 2048);
    t.same(JSON.parse(formatConf(changed).toString()).Future, { a: [1] });
  },
);

t.test(
  'the cost of a guess does not fall when the passphrase changes, and is the usual one when it was less',
  async (t) => {
    const { conf, master } = await createConf(OURS, OPTIONS, systemRandom);
    const changed = await changePassphrase(conf, master, OURS, systemRandom);
    t.same([changed.cost.N, changed.cost.r, changed.cost.p], [2 ** 17, 8, 1]);
  },
);

const valid = (await createConf(OURS, OPTIONS, seededRandom(1))).conf;

/** The valid configuration with one field set, or without it when the value is undefined. */
function having(path: string, value: unknown): Buffer {
  const json = JSON.parse(formatConf(valid).toString());
  const [outer, inner] = path.split('.') as [string, string | undefined];
  if (inner === undefined) json[outer] = value;
  else json[outer][inner] = value;
  return Buffer.from(JSON.stringify(json));
}

const FLAGS = ['HKDF', 'GCMIV128', 'DirIV', 'EMENames', 'LongNames', 'Raw64'];

t.test('flags that are not known, or missing, are refused by name; so are other versions', async (t) => {
  const refused = async (bytes: Buffer, message: RegExp) => {
    t.equal(await faultOf(() => parseConf(bytes)), 'CONF_UNSUPPORTED');
    t.throws(() => parseConf(bytes), message);
  };
  for (const flag of ['PlaintextNames', 'AESSIV', 'FIDO2', 'XChaCha20Poly1305', 'Argon2id', '', 'hkdf']) {
    await refused(having('FeatureFlags', [...FLAGS, flag]), new RegExp(`feature flag "${flag}"`));
  }
  for (const flag of FLAGS) {
    const others = FLAGS.filter((other) => other !== flag);
    await refused(having('FeatureFlags', others), new RegExp(`without the feature flag ${flag}`));
  }
  for (const version of [1, 3, 2.5, -2]) await refused(having('Version', version), /version .* of the format/);
});

t.test('a file that is broken or out of bounds is refused, and the field is named', async (t) => {
  const refused = async (bytes: Buffer, message: RegExp, name: string) => {
    t.equal(await faultOf(() => parseConf(bytes)), 'CONF_BROKEN', name);
    t.throws(() => parseConf(bytes), message, name);
  };
  const cases: [field: string, value: unknown, message: RegExp][] = [
    ['Version', undefined, /Version/],
    ['Version', '2', /Version/],
    ['FeatureFlags', undefined, /FeatureFlags/],
    ['FeatureFlags', [...FLAGS, 1], /FeatureFlags\.6/],
    ['FeatureFlags', Array(CONF_FLAGS_MAX + 1).fill('HKDF'), /FeatureFlags/],
    ['FeatureFlags', [...FLAGS, 'x'.repeat(CONF_WORD_CHARACTERS_MAX + 1)], /FeatureFlags\.6/],
    ['Creator', 'x'.repeat(CONF_WORD_CHARACTERS_MAX + 1), /Creator/],
    ['EncryptedKey', undefined, /EncryptedKey/],
    ['EncryptedKey', '!'.repeat(88), /EncryptedKey is no base64/],
    ['EncryptedKey', valid.sealedKey.toString('base64url'), /EncryptedKey is no base64/],
    ['EncryptedKey', Buffer.alloc(63).toString('base64'), /EncryptedKey has 63 bytes/],
    ['EncryptedKey', Buffer.alloc(96).toString('base64'), /EncryptedKey has 96 bytes/],
    ['ScryptObject', undefined, /ScryptObject/],
    ['ScryptObject.N', 2 ** 30, /scrypt's N/],
    ['ScryptObject.N', 65536.5, /scrypt's N/],
    ['ScryptObject.N', null, /ScryptObject\.N/],
    ['ScryptObject.R', 1e9, /scrypt's R/],
    ['ScryptObject.P', 1e9, /scrypt's P/],
    ['ScryptObject.Salt', 'AAAA', /salt has 3 bytes/],
    ['ScryptObject.KeyLen', 64, /ScryptObject\.KeyLen/],
    ['LongNameMax', 100, /LongNameMax must be there both/],
    ['FeatureFlags', [...FLAGS, 'LongNameMax'], /LongNameMax must be there both/],
  ];
  for (const [field, value, message] of cases) await refused(having(field, value), message, field);

  const whole = formatConf(valid);
  const limited = formatConf({ ...valid, longNameMax: 100 }).toString();
  for (const value of ['61', '256', '100.5', '1e999']) {
    const bytes = Buffer.from(limited.replace('"LongNameMax": 100', `"LongNameMax": ${value}`));
    await refused(bytes, /it must be 62 to 255|LongNameMax: /, value);
  }
  for (const [name, bytes] of Object.entries({
    nothing: Buffer.alloc(0),
    'not all of it': whole.subarray(0, -4),
    'deep nesting': Buffer.from('['.repeat(60_000)),
    'too long': Buffer.concat([whole, Buffer.alloc(CONF_BYTES_MAX - whole.length + 1, ' ')]),
  })) {
    t.equal(await faultOf(() => parseConf(bytes)), 'CONF_BROKEN', name);
  }
  t.same(parseConf(Buffer.concat([whole, Buffer.alloc(CONF_BYTES_MAX - whole.length, ' ')])), valid, 'the longest one');
});

t.test('any bytes, and any change of a byte, end in a configuration within bounds or a CipherError', async () => {
  const whole = formatConf(valid);
  const changed = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
    const copy = Buffer.from(whole);
    copy[at] = byte;
    return copy;
  });
  const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text));
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytesOf(0, 500), changed, json), async (bytes) => {
      const fault = await faultOf(() => parseConf(bytes));
      return fault === undefined || fault === 'CONF_BROKEN' || fault === 'CONF_UNSUPPORTED';
    }),
    { numRuns: 2000 },
  );
});

t.test('a master key is written down and read again, with any spaces and hyphens; all else is refused', async (t) => {
  const master = new MasterKey(Buffer.from(MASTER_KEY.replaceAll('-', ''), 'hex'));
  t.equal(MasterKey.parse(`  ${MASTER_KEY.toUpperCase().replaceAll('-', ' -\n')} `).text(), master.text());
  const wrong = [
    '',
    MASTER_KEY.slice(1),
    `${MASTER_KEY}0`,
    MASTER_KEY.replace(/.$/, 'g'),
    MASTER_KEY.replace(/-/, '+'),
  ];
  for (const text of [...wrong, `${MASTER_KEY}${' '.repeat(MASTER_KEY_CHARACTERS_MAX)}`]) {
    t.equal(await faultOf(() => MasterKey.parse(text)), 'MASTER_KEY_BROKEN');
  }
  t.throws(
    () => MasterKey.parse('secret'),
    { message: /^((?!secret).)*$/ } as unknown as Error,
    'the text is not shown',
  );
  t.throws(() => new MasterKey(Buffer.alloc(31)), RangeError);
});

t.test('a wiped key is gone', async (t) => {
  const bytes = Buffer.alloc(32, 7);
  const master = new MasterKey(bytes);
  master.wipe();
  t.same(bytes, Buffer.alloc(32));
});
