/** A flag of a command, by its long name. */
export interface Flag {
  /** The letter of its short form. */
  readonly short?: string;
  /** What stands for its value in the help; absent: it takes none. */
  readonly value?: string;
  readonly help: string;
  /** What its value is, for completion: a path, or one of a few words. */
  readonly takes?: 'file' | 'directory' | readonly string[];
}

/** What the words of a command are, for completion: those of the same place, or one of a few. */
export type WordKind = 'remote' | 'local' | 'directory' | 'both' | readonly string[];

/** What help, completion and the manual say of a command: one table for all of them. */
export interface CommandSpec {
  readonly name: string;
  /** For the list of commands. */
  readonly brief: string;
  /** What it does, in a sentence without a full stop. */
  readonly title: string;
  /** What may stand behind the name, without the flags of every command that asks volcanos. */
  readonly usage: readonly string[];
  /** Paragraphs; one that begins with two spaces is shown as it is. */
  readonly text: readonly string[];
  readonly flags: Readonly<Record<string, Flag>>;
  /** Whether it asks volcanos: `ASKING_FLAGS` are its own too. */
  readonly asks: boolean;
  /** What its exit statuses mean. */
  readonly status: string;
  readonly words?: WordKind;
}

/** A command of `magma`. */
export interface Command {
  readonly spec: CommandSpec;
  /** Takes the words after the name; resolves with the exit status. Throws `UsageError`. */
  readonly run: (argv: readonly string[]) => Promise<number>;
}

/** The flags of every command that talks to volcanos. */
export const ASKING_FLAGS = {
  at: {
    value: 'ADDR[:PORT]',
    help: "the volcano to ask, and its node port; else this machine's, as the configuration says",
  },
  'key-file': {
    value: 'FILE',
    help: "a file whose first line is the network's key; else MAGMA_KEY, else the configuration",
    takes: 'file',
  },
  config: { value: 'FILE', help: "magmad's configuration file", takes: 'file' },
  json: { help: 'JSON, for programs' },
} as const satisfies Readonly<Record<string, Flag>>;

/** The flag that every command has. */
export const HELP_FLAG: Flag = { short: 'h', help: 'print this page' };

/** All flags of a command, its own first; one of its own goes before one of the same name that all have. */
export function flagsOf({ flags, asks }: Pick<CommandSpec, 'flags' | 'asks'>): ReadonlyMap<string, Flag> {
  const common = asks ? ASKING_FLAGS : {};
  return new Map<string, Flag>(Object.entries({ ...flags, ...common, ...flags, help: HELP_FLAG }));
}
