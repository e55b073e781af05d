import type { Eventually } from '../base/eventually.ts';
import type { Attributes } from '../flare/types.ts';
import { OperatorError } from '../operator/paths.ts';
import type { ConsoleParts } from './parts.ts';

/** One command that was typed, as it runs. Bytes are Latin-1 strings, with `\n` between lines. */
export interface Run {
  readonly parts: ConsoleParts;
  /** The words after the command, their escapes taken away. */
  readonly words: readonly string[];
  /** The directory that paths begin in, as names from the root. */
  readonly cwd: readonly string[];
  /** Columns that lists may take; 0: one thing a line. */
  readonly columns: number;
  /** Aborted by ^C, and when the session ends. */
  readonly signal: AbortSignal;
  /** Shows lines, which must be harmless already. */
  print(...lines: readonly string[]): Promise<void>;
  /** The same, as it is: no end of line comes of itself. */
  write(text: string): Promise<void>;
  /** Waits for an answer, not for ever: throws when it does not come within `ANSWER_MS` or the command is broken off. */
  wait<T>(answer: Eventually<T>): Promise<T>;
  /** Lets the rest of the volcano have its turn. Throws when the command is broken off. */
  turn(): Promise<void>;
  /** Asks for a line; empty when there is none. */
  ask(question: string): Promise<string>;
  /** What a path means, as names from the root and as a flare. Throws `OperatorError`. */
  find(path: string): Promise<{ readonly names: readonly string[]; readonly attributes: Attributes }>;
  /** Where the session is from now on. */
  go(names: readonly string[]): void;
  /** The session ends after this command. */
  leave(): void;
}

/** What follows a command: paths, these words, or nothing. */
export type Completion = 'path' | 'command' | readonly string[];

/** One command of the console. */
export interface Command {
  readonly name: string;
  /** Other names. */
  readonly also?: readonly string[];
  /** What follows it, as the help has it; empty for nothing. */
  readonly usage: string;
  /** At most five words. */
  readonly brief: string;
  /** What it does and does not, in sentences. */
  readonly help: readonly string[];
  /** By place: what the first word, the second one, ... may be. */
  readonly completes?: readonly Completion[];
  readonly wordsMin?: number;
  readonly wordsMax: number;
  run(run: Run): Promise<void>;
}

/** A command cannot do what was asked; the message says why, and the cure. Its bytes are harmless. */
export class CommandError extends OperatorError {
  constructor(message: string) {
    super(message);
    this.name = 'CommandError';
  }
}
