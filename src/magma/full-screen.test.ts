import { EventEmitter } from 'node:events';
import t from 'tap';
import { FullScreen, type Terminal } from './full-screen.ts';

/** A terminal that remembers what it was sent. */
class FakeTerminal extends EventEmitter implements Terminal {
  readonly isTTY = true;
  columns = 80;
  rows = 24;
  raw = false;
  sent = '';
  readonly stdin = this as unknown as Terminal['stdin'];
  readonly stdout = this as unknown as Terminal['stdout'];

  setRawMode(on: boolean): void {
    this.raw = on;
  }

  resume(): void {}

  pause(): void {}

  write(text: string): boolean {
    this.sent += text;
    return true;
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
/** What was turned on is turned off again: the other screen, the cursor, wrapping. */
const RESTORED = '\x1b[?7h\x1b[?25h\x1b[?1049l';

function listeners(): number {
  return [...SIGNALS, 'exit', 'uncaughtExceptionMonitor'].reduce((sum, name) => sum + process.listenerCount(name), 0);
}

t.test('keys and new sizes are told, lines are drawn, and closing gives the terminal back', async (t) => {
  const before = listeners();
  const terminal = new FakeTerminal();
  const keys: string[] = [];
  let sizes = 0;
  const screen = new FullScreen(
    terminal,
    (key) => keys.push(key),
    () => (sizes += 1),
  );
  t.equal(terminal.raw, true);
  terminal.emit('data', Buffer.from('cq'));
  terminal.columns = 40;
  terminal.emit('resize');
  t.same([keys, sizes, screen.columns, screen.rows], [['c', 'q'], 1, 40, 24]);
  screen.draw(['one', 'two']);
  screen.draw(['x'.repeat(40)]);
  t.ok(terminal.sent.endsWith('x'), 'a full line keeps its last character');
  t.match(terminal.sent, '\x1b[Hone\x1b[K\r\ntwo\x1b[K');
  screen.close();
  screen.close();
  t.ok(terminal.sent.endsWith(RESTORED));
  t.equal(terminal.sent.split(RESTORED).length, 2, 'once');
  screen.draw(['late']);
  t.notMatch(terminal.sent, 'late', 'nothing is drawn on what is not its own any more');
  t.same([terminal.raw, terminal.eventNames(), listeners()], [false, ['error'], before]);
});

t.test('a crash gives the terminal back before Node tells of it; a terminal that is gone ends it', async (t) => {
  const terminal = new FakeTerminal();
  const keys: string[] = [];
  new FullScreen(
    terminal,
    (key) => keys.push(key),
    () => {},
  );
  terminal.emit('end');
  t.same(keys, ['q']);
  // To its own listener alone: others would take it for a crash of the test.
  process.listeners('uncaughtExceptionMonitor').at(-1)!(new Error('a crash'), 'uncaughtException');
  t.ok(terminal.sent.endsWith(RESTORED));
  t.equal(terminal.raw, false);
});
