import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { bytesText, DRAW_MS, durationText, progress, RATE_MS } from './progress.ts';

/** A terminal that keeps what it was told. */
function terminal(columns: number | undefined = 100) {
  const written: string[] = [];
  const shown = { isTTY: true, columns: columns as number, write: (text: string) => written.push(text) };
  return { ...shown, written, line: () => (written.at(-1) ?? '').replace('\r\x1b[K', '') };
}

t.test('one line: share, amounts, rate and time left, drawn a few times a second', async (t) => {
  const clock = manualClock();
  const to = terminal();
  const bar = progress('get', 'bytes', { to, clock });
  bar.expect(100 * 1024 * 1024);
  t.equal(to.line(), 'get: 0 B of at least 100.0 MiB 0 B/s');
  bar.known();
  t.match(to.line(), /^get: {3}0 % \[\.{20}\] 0 B of 100\.0 MiB/, 'at once when it is known');
  for (let second = 0; second < 10; second++) {
    clock.advance(1000);
    bar.add(2 * 1024 * 1024);
  }
  clock.advance(DRAW_MS);
  t.match(
    to.line(),
    /^get: {2}20 % \[####\.{16}\] 20\.0 MiB of 100\.0 MiB 2\.0 MiB\/s 4\d s left$|^get: {2}20 %.*1\.9 MiB\/s/,
  );
  const before = to.written.length;
  for (let more = 0; more < 100; more++) bar.add(1);
  t.equal(to.written.length, before, 'not drawn for each step');
  clock.advance(RATE_MS + 2 * DRAW_MS);
  t.match(to.line(), / 0 B\/s stands still$/, 'what is over does not count for the rate');
  bar.add(80 * 1024 * 1024);
  clock.advance(DRAW_MS);
  t.match(to.line(), /^get: 100 % \[#{20}\] 100\.0 MiB of 100\.0 MiB \S+ MiB\/s$/);
  bar.end();
  t.equal(to.written.at(-1), '\r\x1b[K', 'nothing stays');
  const after = to.written.length;
  clock.advance(10 * DRAW_MS);
  t.equal(to.written.length, after);
});

t.test('what is said stands on a line of its own, and a narrow terminal is not overrun', async (t) => {
  const clock = manualClock();
  const to = terminal(30);
  const bar = progress('check', { things: 'slices' }, { to, clock });
  bar.expect(256);
  bar.known();
  clock.advance(DRAW_MS);
  t.equal(to.line().length, 29);
  bar.say('a notice');
  t.same(to.written.slice(-2), ['\r\x1b[K', 'a notice\n']);
  clock.advance(DRAW_MS);
  t.match(to.line(), /^check: {3}0 % /);
  bar.end();
});

t.test('where no terminal is, and where it is not wanted, only what is said is written', async (t) => {
  const clock = manualClock();
  for (const [isTTY, wanted] of [
    [false, true],
    [true, false],
  ] as const) {
    const to = { ...terminal(), isTTY };
    const bar = progress('put', 'bytes', { to, clock, wanted });
    bar.expect(10);
    bar.known();
    bar.add(10);
    clock.advance(5 * DRAW_MS);
    bar.say('a problem');
    bar.end();
    t.same(to.written, ['a problem\n']);
  }
});

t.test('amounts and times for people', async (t) => {
  t.same([0, 999, 1000, 1024, 1_536_000, 2 ** 40].map(bytesText), [
    ...['0 B', '999 B', '1.0 KiB', '1.0 KiB', '1.5 MiB', '1.0 TiB'],
  ]);
  t.same([-1, 0.4, 59.4, 59.6, 3599, 3600, 90_061].map(durationText), [
    ...['0 s', '0 s', '59 s', '1:00 min', '59:59 min', '1:00 h', '25:01 h'],
  ]);
});
