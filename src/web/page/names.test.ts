import fc from 'fast-check';
import t from 'tap';
import { shown as shownOnConsole } from '../../operator/text.ts';
import { below, bytesOf, crumbs, decoded, encoded, nameFault, shown, shownPath } from './bytes.ts';
import { sortedFiles } from './files.ts';
import { bytes, count, duration, loss, milliseconds, mode, percent, rate } from './format.ts';

const latin1 = fc.uint8Array({ maxLength: 40 }).map((all) => Buffer.from(all).toString('latin1'));
const plain = (text: string): string => text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ');

t.test('whatever bytes a name has, its request is printable ASCII and means the same bytes', async (t) => {
  fc.assert(
    fc.property(latin1, (name) => {
      const sent = encoded(name);
      return /^[A-Za-z0-9._~/%-]*$/.test(sent) && decoded(sent) === name;
    }),
  );
  t.equal(encoded(bytesOf('Käse +&?#%')), 'K%C3%A4se%20%2B%26%3F%23%25');
  t.equal(decoded('/a%FFb%zz%'), '/a\xffb%zz%', 'a % that begins no byte is one');
  t.equal(below('/', 'a b'), '/a%20b');
  t.equal(below('/x%FF', '\xfe'), '/x%FF/%FE');
});

t.test('a name is shown as on the console, and nothing of it is obeyed', async (t) => {
  fc.assert(
    fc.property(latin1, (name) => {
      const text = shown(name);
      return bytesOf(text) === shownOnConsole(name) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
    }),
  );
  t.equal(shownPath('/K%C3%A4se/a%FFb%1B%5C'), '/Käse/a\\xffb\\x1b\\\\');
  t.same(crumbs('/a%FF/b'), [
    { name: '/', path: '/' },
    { name: 'a\\xff', path: '/a%FF' },
    { name: 'b', path: '/a%FF/b' },
  ]);
});

t.test('a name that can be none is told before it is sent', async (t) => {
  for (const name of ['', '.', '..', 'a/b', 'a\0', 'ä'.repeat(128)]) t.type(nameFault(name), 'string', name);
  for (const name of ['a', '...', ' ', '<b>', 'ä'.repeat(127)]) t.equal(nameFault(name), null, name);
});

t.test('figures are short, and have their units', async (t) => {
  t.equal(plain(count(1_234_567)), '1 234 567');
  t.same(
    [0, 1023, 1024, 1536, 12 * 2 ** 30, 1023.9 * 2 ** 20].map((value) => plain(bytes(value))),
    [...['0 B', '1023 B', '1.00 KiB', '1.50 KiB', '12.0 GiB', '1.00 GiB']],
  );
  t.same(
    [null, 0, 0.12, 9.96, 1234.6].map((value) => plain(rate(value))),
    ['–', '0/s', '0.1/s', '10/s', '1 235/s'],
  );
  t.same(
    [0.05, 0.9, 2.345, 250, 2500].map((value) => plain(milliseconds(value))),
    [...['50 µs', '900 µs', '2.35 ms', '250 ms', '2.5 s']],
  );
  t.same(
    [0, 59_000, 61_000, 7_200_000, 90_061_000].map((value) => plain(duration(value))),
    [...['0 s', '59 s', '1 min 1 s', '2 h', '1 d 1 h']],
  );
  t.same(
    [0, 0.05, 64.94].map((value) => plain(percent(value))),
    ['0 %', '<0.1 %', '64.9 %'],
  );
  t.equal(plain(loss(0.6)), '0.6 %');
  t.same(
    [mode('directory', 0o1777), mode('file', 0o4755), mode('file', 0o2604), mode('symlink', 0o777)],
    ['drwxrwxrwt', '-rwsr-xr-x', '-rw---Sr--', 'lrwxrwxrwx'],
  );
});

t.test('files are sorted by their bytes, directories first whichever way', async (t) => {
  const files = [
    { name: 'b', kind: 'file', size: 1 },
    { name: 'a%FF', kind: 'file', size: 9 },
    { name: 'z', kind: 'directory', size: 0 },
    { name: 'B', kind: 'file', size: 1 },
  ].map((file) => ({ mode: 0, uid: 0, gid: 0, modified: 0, ...file, kind: file.kind as 'file' }));
  const names = (...how: ['name' | 'size', boolean]): string =>
    sortedFiles(files, ...how)
      .map(({ name }) => name)
      .join(' ');
  t.equal(names('name', false), 'z B a%FF b');
  t.equal(names('name', true), 'z b a%FF B');
  t.equal(names('size', true), 'z a%FF B b', 'what is equal, by name');
});
