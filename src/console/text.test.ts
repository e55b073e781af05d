import fc from 'fast-check';
import t from 'tap';
import { harmless, shown, told, unfinished } from '../operator/text.ts';
import { asWord, cutLine } from './words.ts';

const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

t.test('whatever a name or a file holds, nothing of it is obeyed by a terminal', async (t) => {
  fc.assert(
    fc.property(latin1, (bytes) => {
      const both = shown(bytes) + harmless(bytes).replace(/[\n\t]/g, '');
      const text = Buffer.from(both, 'latin1').toString('utf8');
      return !text.includes('\ufffd') === !bytes.includes(utf8('\ufffd')) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
    }),
  );
  t.equal(shown('\x1b]0;gone\x07'), '\\x1b]0;gone\\x07');
  t.equal(shown(utf8('Käse \u202e\u009b2J')), `${utf8('Käse')} \\xe2\\x80\\xae\\xc2\\x9b2J`);
  t.equal(told('one\ntwo\x1b'), 'one two\\x1b');
});

t.test('a name that is shown can be typed: as a word it is the same bytes again', async (t) => {
  fc.assert(
    fc.property(latin1, fc.constantFrom('ls ', '  cat "a b" '), (bytes, before) => {
      const { words, open } = cutLine(before + asWord(bytes));
      return open === '' && words.at(-1) === bytes;
    }),
  );
  fc.assert(
    fc.property(
      latin1.filter((bytes) => !/[ "']/.test(bytes) && bytes !== ''),
      (bytes) => cutLine(shown(bytes)).words[0] === bytes,
    ),
  );
  t.same(cutLine('a \'b c\'\\x2fd "e\\"f" \\ g'), { words: ['a', 'b c/d', 'e"f', ' g'], last: 20, open: '' });
  t.match(cutLine('a "b'), { words: ['a', 'b'], last: 2, open: '"' });
});

t.test('the beginning of a character at the end of a piece is known', async (t) => {
  for (const [bytes, count] of [
    [utf8('aä'), 0],
    [utf8('aä').slice(0, 2), 1],
    [utf8('a\u{1f600}').slice(0, 4), 3],
    ['a\x80', 0],
    ['', 0],
  ] as const)
    t.equal(unfinished(bytes), count, JSON.stringify(bytes));
});
