/** What a full-screen view needs of a terminal; `process` has it. */
export interface Terminal {
  readonly stdin: Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'resume' | 'pause' | 'on' | 'off'>;
  readonly stdout: Pick<NodeJS.WriteStream, 'columns' | 'rows' | 'write' | 'on' | 'off'>;
}

/** Its own screen beside the one that is there, without a cursor and without wrapping (xterm's private modes 1049, 25 and 7). */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
/** The size when the terminal does not say. */
const COLUMNS = 80;
const ROWS = 24;

/** Takes the terminal for a view, and gives it back as it was, however this process ends short of SIGKILL. */
export class FullScreen {
  readonly #terminal: Terminal;
  readonly #key: (key: string) => void;
  readonly #resized: () => void;
  #open = true;

  /** `key` is told of each key that is typed, `resized` of each new size. */
  constructor(terminal: Terminal, key: (key: string) => void, resized: () => void) {
    this.#terminal = terminal;
    this.#key = key;
    this.#resized = resized;
    const { stdin, stdout } = terminal;
    process.once('exit', this.#restore);
    // What Node says of a crash is to be seen on the screen that stays.
    process.once('uncaughtExceptionMonitor', this.#restore);
    for (const signal of SIGNALS) process.once(signal, this.#die);
    stdout.write(ENTER);
    stdout.on('resize', this.#resized);
    if (stdin.isTTY === true) {
      stdin.setRawMode(true);
      stdin.on('data', this.#typed);
      stdin.on('error', this.#hungUp);
      stdin.on('end', this.#hungUp);
      stdin.resume();
    }
  }

  get columns(): number {
    return this.#terminal.stdout.columns || COLUMNS;
  }

  get rows(): number {
    return this.#terminal.stdout.rows || ROWS;
  }

  /** Shows these lines, as many as there are rows, none longer than there are columns. */
  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    const { columns } = this;
    // Behind a full line the cursor stands on its last character.
    const whole = lines.map((line) => (line.length < columns ? line + TO_END_OF_LINE : line));
    this.#terminal.stdout.write(HOME + whole.join('\r\n'));
  }

  /** Gives the terminal back. */
  close(): void {
    this.#restore();
  }

  readonly #typed = (data: Buffer): void => {
    for (const key of data.toString('latin1')) this.#key(key);
  };

  readonly #hungUp = (): void => this.#key('q');

  readonly #die = (signal: NodeJS.Signals): void => {
    this.#restore();
    // As if nothing had caught it: who has started this sees which signal it was.
    process.kill(process.pid, signal);
  };

  readonly #restore = (): void => {
    if (!this.#open) return;
    this.#open = false;
    const { stdin, stdout } = this.#terminal;
    process.off('exit', this.#restore);
    process.off('uncaughtExceptionMonitor', this.#restore);
    for (const signal of SIGNALS) process.off(signal, this.#die);
    stdout.off('resize', this.#resized);
    if (stdin.isTTY === true) {
      stdin.off('data', this.#typed);
      stdin.off('end', this.#hungUp);
      // Errors are still listened to: those of a terminal that is gone come late.
      stdin.setRawMode(false);
      stdin.pause();
    }
    stdout.write(LEAVE);
  };
}
