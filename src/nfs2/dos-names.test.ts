import fc from 'fast-check';
import t from 'tap';
import { cookieOfDosName, dosName } from './dos-names.ts';

const EIGHT_THREE = /^[^.~]{0,7}~?[^.]{1,8}(\.[^.]{1,3})?$/;

t.test('Names that fit 8.3 in lower case stay; others have their first letters, and their cookie', async (t) => {
  const shown = (name: string, cookie = 105, folded = false): string => dosName({ name, cookie }, folded);
  for (const name of ['.', '..', 'a', 'autoexec.bat', 'a~1.x', '12345678.123', 'read-me', '$x#.%'])
    t.equal(shown(name), name);
  t.equal(shown('annual report.text'), 'annua~2x.tex');
  t.equal(shown('Makefile'), 'makef~2x');
  t.equal(shown('Makefile', 105, true), 'Makefile', 'in another case it is the same');
  t.equal(shown('.profile'), 'profi~2x');
  t.equal(shown('a.tar.gz'), 'atar~2x.gz');
  t.equal(shown('caf\xe9'), 'caf_~2x');
  t.equal(shown('x.', 5), 'x~5', 'an extension of nothing');
  t.equal(shown('verylongname', 2 ** 31 - 1), 'v~zik0zj', 'with the largest cookie');
  t.equal(shown('a b', 2 ** 31 - 1), 'a~zik0zj');
});

t.test('What is shown is 8.3, tells its cookie, and no two entries are shown the same', async () => {
  const name = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }).filter((text) => !/[/\0]/.test(text));
  const cookie = fc.integer({ min: 3, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(name, cookie, fc.boolean(), (name, cookie, folded) => {
      const shown = dosName({ name, cookie }, folded);
      if (shown === name) return true;
      const [base, extension = ''] = shown.split('.');
      const is83 = EIGHT_THREE.test(shown) && base!.length <= 8 && extension.length <= 3;
      return is83 && cookieOfDosName(shown) === cookie && cookieOfDosName(shown.toUpperCase()) === cookie;
    }),
    { seed: 20261121 },
  );
});

t.test('What would be shown of no entry has no cookie', async (t) => {
  for (const name of ['a', 'a~', 'a~0', 'a~zzzzzz', 'toolong1~5', 'a~5.long', 'a b~5', 'a~5~'])
    t.equal(cookieOfDosName(name), null, name);
});
