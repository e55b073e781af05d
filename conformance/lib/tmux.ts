import { spawnSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Teardown } from './volcano.ts';

/** A terminal of tmux with a shell in it: what is typed goes to the shell, what is written is kept as it comes. */
export class Tmux {
  readonly #directory: string;
  /** Everything that was written to the terminal, escapes included. */
  written = '';
  #listeners: { readonly what: RegExp; readonly from: number; readonly resolve: (found: string) => void }[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Opens one of that size; it ends with the test. */
  static async open(
    t: Teardown,
    env: Readonly<Record<string, string>>,
    size = { columns: 100, rows: 24 },
  ): Promise<Tmux> {
    const directory = mkdtempSync(join(tmpdir(), 'magma-tmux-'));
    const tmux = new Tmux(directory);
    t.teardown(() => {
      spawnSync('tmux', ['-S', join(directory, 'socket'), 'kill-server']);
      rmSync(directory, { recursive: true, force: true });
    });
    const pipe = join(directory, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const shell = ['env', 'PS1=ready> ', 'bash', '--norc', '--noprofile'];
    const set = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    tmux.#run('-f', '/dev/null', 'new-session', '-d', '-x', `${size.columns}`, '-y', `${size.rows}`, ...set, ...shell);
    createReadStream(pipe, 'latin1').on('data', (text) => tmux.#hear(`${text}`));
    tmux.#run('pipe-pane', `cat > '${pipe}'`);
    // What it wrote before it was listened to is not heard: a line is asked for.
    await tmux.run('true');
    return tmux;
  }

  #run(...words: string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', join(this.#directory, 'socket'), ...words], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`tmux ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  #hear(text: string): void {
    this.written += text;
    this.#listeners = this.#listeners.filter(({ what, from, resolve }) => {
      const found = what.exec(this.written.slice(from));
      if (found !== null) resolve(this.written.slice(from));
      return found === null;
    });
  }

  /** Types a key, by tmux's name of it: `C-c`, `Enter`, `Tab`. */
  key(name: string): void {
    this.#run('send-keys', name);
  }

  /** Types a text. */
  type(text: string): void {
    this.#run('send-keys', '-l', text);
  }

  /** Resolves when that is written, from `from` on, with all that was written since. */
  shows(what: RegExp, from = this.written.length): Promise<string> {
    const text = this.written.slice(from);
    if (what.test(text)) return Promise.resolve(text);
    return new Promise((resolve) => this.#listeners.push({ what, from, resolve }));
  }

  /** Begins a command; what it gives resolves with the exit status and what was written when it has ended. */
  start(command: string): Promise<{ readonly status: number; readonly written: string }> {
    const over = this.shows(/ended=\d+\r\n/);
    // The line that is typed must not look like its result.
    this.type(`${command}; echo end""ed=$?`);
    this.key('Enter');
    return over.then((written) => ({ status: Number(/ended=(\d+)\r\n/.exec(written)![1]), written }));
  }

  run(command: string): Promise<{ readonly status: number; readonly written: string }> {
    return this.start(command);
  }

  /** The screen as a person sees it now. */
  screen(): string {
    return this.#run('capture-pane', '-p').trimEnd();
  }

  /** The size of the terminal from now on. */
  resize(columns: number, rows: number): void {
    this.#run('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  /** A flag of the terminal, by tmux's name of it: `alternate_on`, `cursor_flag`. */
  flag(name: string): boolean {
    return this.#run('display-message', '-p', `#{${name}}`).trim() === '1';
  }

  /** The process number of what runs in the foreground. */
  pid(): number {
    const shell = this.#run('display-message', '-p', '#{pane_pid}').trim();
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'latin1').trim());
  }
}
