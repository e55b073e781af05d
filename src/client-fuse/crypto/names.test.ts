import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { CONF_NAME } from './conf.ts';
import { Eme } from './eme.ts';
import {
  DIRIV_NAME,
  ENCRYPTED_NAME_BYTES_MAX,
  LONG_NAME_PREFIX,
  NAME_BYTES_MAX,
  NameCipher,
  nameFault,
  newDirectoryIv,
  type PlainName,
  parseDirectoryIv,
} from './names.ts';
import { pad16 } from './padding.ts';
import { toRaw64 } from './raw64.ts';
import { bytesOf, faultOf, flipped, keyOf, plainNames, seededTree } from './testing/keys.ts';

const { names } = seededTree(1);
const short = seededTree(1, 62).names;
const iv = newDirectoryIv(seededRandom(2));

/** What a listing makes of a stored name. */
function back(cipher: typeof names, name: Uint8Array, directoryIv = iv): PlainName {
  const stored = cipher.encrypt(name, iv);
  const entry = cipher.entry(Buffer.from(stored.entry), directoryIv, false);
  if (entry.kind === 'name') return { name: entry.name };
  if (entry.kind === 'invalid') return { fault: entry.fault };
  if (entry.kind !== 'long' || stored.long === null) throw new Error(`${entry.kind}, and that is not what was stored`);
  if (entry.nameEntry !== stored.long.entry) throw new Error('the name is looked for in another file');
  return cipher.longName(Buffer.from(stored.entry), stored.long.contents, directoryIv);
}

t.test(
  'every name of 1 to 255 bytes comes back, whatever the bytes, and has an entry of at most LongNameMax',
  async () => {
    for (const cipher of [names, short]) {
      fc.assert(
        fc.property(plainNames, (name) => {
          const plain = back(cipher, name);
          const limit = cipher === names ? 255 : 62;
          return 'name' in plain && plain.name.equals(name) && cipher.encrypt(name, iv).entry.length <= limit;
        }),
      );
    }
  },
);

t.test('names above 175 bytes have a file for the name (gocryptfs, "Long File Name Handling")', async (t) => {
  t.equal(names.encrypt(Buffer.alloc(175, 97), iv).long, null);
  const { entry, long } = names.encrypt(Buffer.alloc(176, 97), iv);
  t.match(entry, /^gocryptfs\.longname\.[A-Za-z0-9_-]{43}$/);
  t.equal(long!.entry, `${entry}.name`);
  t.equal(long!.contents.length, 256);
  t.equal(names.encrypt(Buffer.alloc(255, 97), iv).long!.contents.length, ENCRYPTED_NAME_BYTES_MAX);
  t.same(names.entry(Buffer.from(`${entry}.name`), iv, false), { kind: 'hidden' });
});

t.test('LongNameMax is the longest name that is stored as it is', async (t) => {
  const limited = seededTree(1, 64).names;
  t.equal(limited.encrypt(Buffer.alloc(47, 97), iv).long, null, 'a name of 64 characters');
  t.equal(limited.encrypt(Buffer.alloc(48, 97), iv).long!.contents.length, 86);
});

t.test('what decrypts to no name of a file is reported', async (t) => {
  const cipher = new NameCipher(keyOf(1), 255);
  const eme = new Eme(keyOf(1));
  const found = (name: string) =>
    cipher.entry(Buffer.from(toRaw64(eme.encrypt(iv, pad16(Buffer.from(name))))), iv, false);
  t.same(found('ab'), { kind: 'name', name: Buffer.from('ab') });
  for (const name of ['', '.', '..', 'a/b', 'a\0']) t.equal(found(name).kind, 'invalid', name);
  t.match(cipher.entry(Buffer.from(toRaw64(eme.encrypt(iv, Buffer.alloc(16)))), iv, false), { fault: /padding/ });
});

t.test('a name is the same in its directory each time, and another one in every other directory', async () => {
  fc.assert(
    fc.property(plainNames, fc.nat(127), (name, bit) => {
      const other = flipped(iv, bit);
      const plain = back(names, name, other);
      const { entry } = names.encrypt(name, iv);
      return (
        seededTree(1).names.encrypt(name, iv).entry === entry &&
        names.encrypt(name, other).entry !== entry &&
        !('name' in plain && plain.name.equals(name))
      );
    }),
  );
});

t.test('names of the format are names like any other inside, and parts of the format outside', async (t) => {
  for (const name of [DIRIV_NAME, CONF_NAME, `${LONG_NAME_PREFIX}x`]) {
    t.same(back(names, Buffer.from(name)), { name: Buffer.from(name) });
  }
  t.same(names.entry(Buffer.from(DIRIV_NAME), iv, false), { kind: 'hidden' });
  t.same(names.entry(Buffer.from(CONF_NAME), iv, true), { kind: 'hidden' });
  t.equal(names.entry(Buffer.from(CONF_NAME), iv, false).kind, 'invalid', 'below the root it is a stranger');
});

t.test('what is no name of a file is refused', async (t) => {
  for (const name of ['', '.', '..', 'a/b', '/', 'a\0', 'x'.repeat(NAME_BYTES_MAX + 1)]) {
    t.type(nameFault(Buffer.from(name)), 'string', name);
    t.equal(await faultOf(() => names.encrypt(Buffer.from(name), iv)), 'NAME_REFUSED', name);
  }
  for (const name of ['...', '.a', '..a', 'x'.repeat(NAME_BYTES_MAX)]) t.equal(nameFault(Buffer.from(name)), null);
});

t.test(
  'any entry is a name, a part of the format, or reported: never an error, never a name that no file can have',
  async () => {
    const entries = fc.oneof(
      bytesOf(0, 300),
      fc.base64String({ maxLength: 400, size: 'max' }).map((text) => Buffer.from(text)),
      bytesOf(0, 32).map((bytes) => Buffer.from(toRaw64(bytes))),
      bytesOf(0, 60).map((bytes) => Buffer.concat([Buffer.from(LONG_NAME_PREFIX), bytes])),
    );
    fc.assert(
      fc.property(entries, (bytes) => {
        const entry = names.entry(bytes, iv, true);
        const long = names.longName(bytes, bytes, iv);
        return (entry.kind !== 'name' || nameFault(entry.name) === null) && 'fault' in long;
      }),
      { numRuns: 2000 },
    );
  },
);

t.test('a bit changed in an entry: another name or none, never the same', async () => {
  fc.assert(
    fc.property(plainNames, fc.nat(), (name, bit) => {
      const { entry, long } = names.encrypt(name, iv);
      const changed = flipped(Buffer.from(long?.contents ?? entry), bit);
      if (long !== null) return 'fault' in names.longName(Buffer.from(entry), changed, iv);
      const found = names.entry(changed, iv, false);
      return found.kind !== 'name' || !found.name.equals(name);
    }),
  );
});

t.test('two texts for one name: the second one is reported', async (t) => {
  const text = names.encrypt(Buffer.from('x'), iv).entry;
  const last = text.at(-1)!;
  const alias = text.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
  t.same(Buffer.from(alias, 'base64url'), Buffer.from(text, 'base64url'), 'the same bytes, read loosely');
  t.equal(names.entry(Buffer.from(alias), iv, false).kind, 'invalid');
  t.equal(names.entry(Buffer.from(`${text}==`), iv, false).kind, 'invalid');
});

t.test('a long name whose .name file is another one, too long, or gone', async (t) => {
  const one = names.encrypt(Buffer.alloc(200, 97), iv);
  const other = names.encrypt(Buffer.alloc(200, 98), iv);
  const entry = Buffer.from(one.entry);
  t.match(names.longName(entry, other.long!.contents, iv), { fault: /another entry's/ });
  t.match(names.longName(entry, Buffer.alloc(0), iv), { fault: /another entry's/ });
  t.match(names.longName(entry, Buffer.alloc(ENCRYPTED_NAME_BYTES_MAX + 1, 65), iv), { fault: /343 bytes/ });
});

t.test('gocryptfs.diriv has 16 bytes that are not all zero', async (t) => {
  t.same(parseDirectoryIv(iv), iv);
  for (const wrong of [Buffer.alloc(16), Buffer.alloc(0), Buffer.alloc(15, 1), Buffer.alloc(17, 1)]) {
    t.equal(await faultOf(() => parseDirectoryIv(wrong)), 'DIRIV_BROKEN');
  }
});
