import { type CommandSpec, type Flag, flagsOf, type WordKind } from '../command.ts';

/** What follows a program's name, or the name of one of its commands. */
export interface Followed {
  readonly flags: ReadonlyMap<string, Flag>;
  readonly words: WordKind | undefined;
}

/** A program whose words a shell is to complete. */
export interface Program extends Followed {
  readonly name: string;
  /** Its commands; none: it has only flags. */
  readonly commands: ReadonlyMap<string, Followed & { readonly brief: string }>;
}

/** Writes a script that completes the words of programs. */
export type Shell = (programs: readonly Program[]) => string;

/** A program of commands. */
export function programOf(name: string, specs: readonly CommandSpec[]): Program {
  const help: Flag = { short: 'h', help: 'print a page that lists the commands' };
  const version: Flag = { help: 'print the version' };
  const commands = new Map(
    specs.map((spec) => [spec.name, { brief: spec.brief, flags: flagsOf(spec), words: spec.words }]),
  );
  const brief = 'print what a command does';
  commands.set('help', { brief, flags: new Map(), words: specs.map((spec) => spec.name) });
  return {
    name,
    flags: new Map([
      ['help', help],
      ['version', version],
    ]),
    words: undefined,
    commands,
  };
}

/** A text between single quotes, for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
