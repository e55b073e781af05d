import { createHash } from 'node:crypto';
import t from 'tap';
import { FlareError } from './errors.ts';
import { checkName, keyFromBytes, keyFromText, keyOf, keyText, ROOT_KEY, sliceOf } from './keys.ts';

const sha1 = (...parts: Buffer[]): string => createHash('sha1').update(Buffer.concat(parts)).digest('hex');

t.test('Identity: key = SHA-1(parent ‖ name ‖ salt), of bytes; the root is SHA-1("/")', async (t) => {
  t.equal(keyText(ROOT_KEY), sha1(Buffer.from('/')));
  const root = Buffer.from(keyText(ROOT_KEY), 'hex');
  t.equal(keyText(keyOf(ROOT_KEY, 'a\xff')), sha1(root, Buffer.from([0x61, 0xff])));
  t.equal(keyText(keyOf(ROOT_KEY, 'a', '\x80b')), sha1(root, Buffer.from([0x61, 0x80, 0x62])));
  t.equal(sliceOf(ROOT_KEY), root[0]);
});

t.test('A key as text and as bytes comes back the same', async (t) => {
  const key = keyOf(ROOT_KEY, 'x');
  t.equal(keyFromText(keyText(key)), key);
  t.equal(keyFromBytes(Buffer.from(key, 'latin1')), key);
  t.equal(keyFromText('12'), null);
  t.equal(keyFromText('g'.repeat(40)), null);
  t.throws(() => keyFromBytes(Buffer.alloc(19)), { name: 'RangeError' });
});

t.test('Names: 1 to 255 bytes without / and NUL, and not . or ..', async (t) => {
  for (const name of ['a', '...', ' ', '\xff', 'x'.repeat(255)]) t.doesNotThrow(() => checkName(name));
  for (const name of ['', '.', '..', 'a/b', '/', 'a\0', 'ā'])
    t.throws(() => checkName(name), FlareError.of('INVAL'), name);
  t.throws(() => checkName('x'.repeat(256)), FlareError.of('NAMETOOLONG'));
});
