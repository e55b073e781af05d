import fc from 'fast-check';
import t from 'tap';
import { bytesOf, rawWords, wordOf } from './words.ts';

t.test('a word keeps its bytes, whatever they are', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => Buffer.from(bytes).equals(bytesOf(wordOf(bytes)))),
    { verbose: true },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => bytesOf(text).equals(Buffer.from(text, 'utf8'))),
    { verbose: true },
  );
  t.equal(bytesOf('/gr\u00fcn').toString('latin1'), '/gr\u00c3\u00bcn');
});

t.test('words that are no UTF-8 are read from where the host keeps them', async (t) => {
  const line = Buffer.from('node\0magma.ts\0ls\0/a\xff\xe9b\0-l\0', 'latin1');
  const given = ['/a\ufffd\ufffdb', '-l'];
  t.same(
    rawWords(given, () => line).map((word) => bytesOf(word).toString('latin1')),
    ['/a\xff\xe9b', '-l'],
  );
  t.same(
    rawWords(['/a', '-l'], () => t.fail('it is not asked') as never),
    ['/a', '-l'],
  );
  t.same(
    rawWords(given, () => Buffer.from('something else\0')),
    given,
    'another line is not believed',
  );
  t.same(
    rawWords(given, () => {
      throw new Error('no /proc');
    }),
    given,
  );
});
