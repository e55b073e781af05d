import t from 'tap';
import { HISTORY_MAX, LINE_MAX, LineEditor, type Pressed } from './line-editor.ts';

const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** What a terminal of one line shows: columns of characters (UTF-8 as Latin-1), and where the cursor is. */
function screenOf(output: string): { line: string; cursor: number } {
  let cells: string[] = [];
  let cursor = 0;
  const text = Buffer.from(output, 'latin1').toString('utf8');
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\r') cursor = 0;
    else if (character === '\b') cursor -= 1;
    else if (character === '\n') [cells, cursor] = [[], 0];
    else if (character === '\x07') continue;
    else if (text.startsWith('\x1b[K', at)) {
      cells = cells.slice(0, cursor);
      at += 2;
    } else cells[cursor++] = character;
  }
  return { line: cells.join(''), cursor };
}

function edited(
  keys: string,
  editor = new LineEditor(),
): { pressed: Pressed; line: string; shown: string; cursor: number } {
  editor.begin('> ');
  let pressed: Pressed = 'more';
  for (const key of keys) pressed = editor.type(key);
  const { line, cursor } = screenOf(editor.output());
  return { pressed, line: editor.line, shown: line, cursor };
}

t.test('keys edit the line, and the terminal shows what it is', async (t) => {
  const cases: [keys: string, line: string, cursor: number][] = [
    ['ls /home', 'ls /home', 8],
    ['lss\x7f', 'ls', 2],
    ['lss\b', 'ls', 2],
    ['ls /a\x15', '', 0],
    ['ls /a /b\x17', 'ls /a ', 6],
    ['ls /a   \x17', 'ls ', 3],
    ['ac\x1b[Db', 'abc', 2],
    ['bc\x01a', 'abc', 1],
    ['ab\x1b[Hx\x1b[Fy', 'xaby', 4],
    ['abc\x1bOD\x1bOD\x0b', 'a', 1],
    ['abc\x02\x04', 'ab', 2],
    ['abc\x1b[D\x1b[3~', 'ab', 2],
    ['a\x1b[25~\x1b[1;5Cb\x1bOPc', 'abc', 3],
    [`${utf8('Käse')}\x7f\x7f\x7f`, 'K', 1],
    ['a\x00\x1a\x1cb', 'ab', 2],
  ];
  for (const [keys, line, cursor] of cases) {
    const got = edited(keys);
    t.same([got.line, got.shown, got.cursor], [line, `> ${line}`, cursor + 2], JSON.stringify(keys));
  }
  t.equal(edited(utf8('Käse')).shown, '> Käse');
  t.equal(edited('a\xe4 ').shown, '> a\\xe4 ', 'a byte that is no UTF-8');
});

t.test('^C breaks off, ^D on an empty line ends, Enter gives the line, also in the middle of a sequence', async (t) => {
  t.equal(edited('abc\x03').pressed, 'interrupt');
  t.equal(edited('\x04').pressed, 'end');
  t.same(edited('abc\n').pressed, { line: 'abc' });
  t.same(edited('abc\x1b[\n').pressed, { line: 'abc' });
  t.equal(edited('abc\t').pressed, 'complete');
});

t.test('arrows bring lines back, at most HISTORY_MAX of them, and what was begun', async (t) => {
  const editor = new LineEditor();
  for (let line = 0; line < HISTORY_MAX + 5; line++) edited(`line ${line}\n`, editor);
  edited('  \n', editor);
  edited(`line ${HISTORY_MAX + 4}\n`, editor);
  t.equal(edited('\x1b[A\x1b[A', editor).line, `line ${HISTORY_MAX + 3}`, 'blank lines and repetitions are not kept');
  t.equal(edited('new\x1b[A\x1b[B', editor).line, 'new');
  t.equal(edited('\x10'.repeat(1000), editor).line, 'line 5');
});

t.test(
  'a line has at most LINE_MAX bytes, and one that is wider than the terminal is shown around the cursor',
  async (t) => {
    const long = edited('x'.repeat(LINE_MAX + 10));
    t.equal(long.line.length, LINE_MAX);
    t.ok(long.shown.length <= 80, `${long.shown.length} columns`);
    const { shown, cursor } = edited(`${'a'.repeat(100)}b\x01`);
    t.same([shown.slice(0, 5), shown.length <= 80, cursor], ['> aaa', true, 2]);
  },
);

t.test('what is hidden is neither shown nor remembered', async (t) => {
  const editor = new LineEditor();
  editor.begin('Key: ', true);
  for (const key of 'secret\x7f\x0c\x1b[A\t\n') editor.type(key);
  t.notMatch(editor.output(), /s|secre/);
  t.equal(edited('\x1b[A', editor).line, '');
});
