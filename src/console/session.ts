import type { Eventually } from '../base/eventually.ts';
import { FlareError, UnavailableError } from '../flare/errors.ts';
import { OperatorError, pathOf, reasonOf, walk } from '../operator/paths.ts';
import { told } from '../operator/text.ts';
import { brokenOff, waited } from '../operator/waited.ts';
import type { Command, Run } from './command.ts';
import { COMMANDS } from './commands.ts';
import { completions } from './completion.ts';
import { LINE_MAX } from './line-editor.ts';
import type { ConsoleParts } from './parts.ts';
import { namesOf } from './paths.ts';
import type { Terminal } from './terminal.ts';
import { cutLine } from './words.ts';

/** How long one question to the network is waited for, in milliseconds. */
export const ANSWER_MS = 30_000;
/** The same for what TAB asks. */
export const COMPLETE_MS = 3_000;

/** A request of HTTP: a browser on this machine may be made to send one here by any page. */
const HTTP = /^[A-Z]+ \S* ?HTTP\/\d/;

/** One client at the console, let in already. */
export class Session {
  readonly #terminal: Terminal;
  readonly #parts: ConsoleParts;
  #cwd: readonly string[] = [];
  #left = false;

  constructor(terminal: Terminal, parts: ConsoleParts) {
    this.#terminal = terminal;
    this.#parts = parts;
  }

  /** Resolves when the session has ended. Never rejects. */
  async run(): Promise<void> {
    const { version, nickname, address } = this.#parts;
    await this.#print(
      `Welcome to MAGMA version ${told(version)}`,
      `This is server ${told(nickname)} (${told(address)})`,
      'Type help for a list of commands.',
    );
    while (!this.#left && !this.#terminal.closed) {
      const line = await this.#terminal.line(`MAGMA [${told(nickname)}]:${pathOf(this.#cwd)}> `, {
        complete: (typed) => this.#complete(typed),
      });
      if (typeof line === 'string') await this.#obey(line);
      else if (line.none === 'idle') {
        await this.#print('', 'Nothing was typed for a long time: the session ends.');
        return;
      } else if (line.none === 'ended') return;
    }
  }

  #print(...lines: readonly string[]): Promise<void> {
    return this.#terminal.print(`${lines.join('\n')}\n`);
  }

  async #obey(line: string): Promise<void> {
    if (line.length > LINE_MAX) return this.#print(`a line has at most ${LINE_MAX} bytes: this one was not looked at`);
    if (HTTP.test(line)) {
      this.#left = true;
      return this.#print('This is no web server: the session ends.');
    }
    const { words, open } = cutLine(line);
    const [name, ...rest] = words;
    if (name === undefined) return;
    if (open !== '') return this.#print(`a quote is not closed: ${open}`);
    const command = COMMANDS.find((one) => one.name === name || one.also?.includes(name));
    if (command === undefined) return this.#print(`${told(name)}: no such command. Type help for a list.`);
    if (rest.length < (command.wordsMin ?? 0) || rest.length > command.wordsMax)
      return this.#print(`usage: ${command.name} ${command.usage}`.trimEnd());
    await this.#start(command, rest);
  }

  async #start(command: Command, words: readonly string[]): Promise<void> {
    const breaking = new AbortController();
    this.#terminal.onInterrupt = () => breaking.abort();
    try {
      await command.run(this.#runOf(words, breaking.signal));
    } catch (error) {
      await this.#print(`${command.name}: ${this.#excuse(error)}`);
    } finally {
      this.#terminal.onInterrupt = () => {};
    }
  }

  #excuse(error: unknown): string {
    if (error instanceof OperatorError) return error.message;
    if (error instanceof FlareError) return reasonOf(error.status);
    if (error instanceof UnavailableError) return told(`no answer: ${error.message}`);
    this.#parts.logger.error({ err: error }, 'a command of the console failed');
    return told(error instanceof Error ? error.message : String(error));
  }

  #runOf(words: readonly string[], signal: AbortSignal): Run {
    const { clock, tree } = this.#parts;
    const wait = <T>(answer: Eventually<T>) => waited(answer, clock, ANSWER_MS, signal);
    const session = this;
    return {
      parts: this.#parts,
      words,
      cwd: this.#cwd,
      columns: this.#terminal.columns,
      signal,
      wait,
      print: (...lines) => session.#print(...lines),
      write: (text) => session.#terminal.print(text),
      async turn() {
        if (signal.aborted) throw brokenOff();
        const { promise, resolve } = Promise.withResolvers<void>();
        clock.soon(resolve);
        await promise;
      },
      async ask(question) {
        const line = await session.#terminal.line(question);
        return typeof line === 'string' ? line.trim() : '';
      },
      async find(path) {
        const names = namesOf(session.#cwd, path);
        return { names, attributes: await walk(tree, names, wait) };
      },
      go(names) {
        session.#cwd = names;
      },
      leave() {
        session.#left = true;
      },
    };
  }

  #complete(typed: string): Promise<{ start: number; words: readonly string[] }> {
    const { clock, tree } = this.#parts;
    const never = new AbortController().signal;
    const work = completions(typed, { tree, cwd: this.#cwd, commands: COMMANDS });
    return waited(work, clock, COMPLETE_MS, never);
  }
}
