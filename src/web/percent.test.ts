import fc from 'fast-check';
import t from 'tap';
import { decoded, encoded, encodedPath, namesOf, PATH_TEXT_MAX, queryOf } from './percent.ts';
import { Refused } from './refusal.ts';

t.test('any bytes go through an encoded path and come back', async (t) => {
  const bytes = fc
    .uint8Array({ minLength: 1, maxLength: 255 })
    .map((all) => Buffer.from(all).toString('latin1'))
    .filter((name) => !/[/\0]/.test(name) && name !== '.' && name !== '..');
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 8 }), (names) => {
      const path = `/${names.join('/')}`;
      t.strictSame(namesOf(encodedPath(path)), names);
      t.match(encodedPath(path), /^[A-Za-z0-9._~%/-]*$/);
    }),
  );
  t.equal(encoded('a b\xff/'), 'a%20b%FF%2F');
  t.equal(decoded('a+b%2b'), 'a+b+', 'a plus is a plus');
  t.strictSame(namesOf('/'), []);
});

t.test('a path that could mean anything else than it says is refused, and is not made right', async (t) => {
  const wrong = [
    ...[
      '',
      'a',
      '/a/',
      '//a',
      '/a//b',
      '/.',
      '/..',
      '/a/../b',
      '/%2e%2e/b',
      '/a/%2E',
      '/a%2fb',
      '/a%00',
      '/%',
      '/%4',
      '/%zz',
    ],
    ...[
      '/a b',
      '/ä',
      '/a\\..%5',
      `/${'a'.repeat(256)}`,
      `/${'%61'.repeat(256)}`,
      '/a'.repeat(513),
      `/${'a/'.repeat(PATH_TEXT_MAX)}`,
    ],
  ];
  for (const path of wrong) t.throws(() => namesOf(path), Refused, path.slice(0, 20));
  t.throws(() => namesOf(undefined), Refused);
  t.strictSame(namesOf('/a\\..'), ['a\\..'], 'a backslash is part of a name');
  t.strictSame(namesOf('/%252e%252e'), ['%2e%2e'], 'encoded once is decoded once');
});

t.test('a query has what is known in it, once', async (t) => {
  t.strictSame(
    [...queryOf('path=/a%20b&replace=1', ['path', 'replace'])],
    [
      ['path', '/a%20b'],
      ['replace', '1'],
    ],
  );
  t.equal(queryOf('', []).size, 0);
  for (const query of ['path=/a&path=/b', 'other=1', '&', '__proto__=1'])
    t.throws(() => queryOf(query, ['path']), Refused, query);
});
