import { ASKING_FLAGS, type CommandSpec, type Flag, flagsOf } from './command.ts';

/** The longest line of a help, in characters. */
export const HELP_WIDTH = 100;
/** Where what a flag means begins. */
const FLAG_COLUMN = 21;

/** A text in lines of at most `width` characters, each behind `indent`. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

/** A flag as it is typed. */
export function flagText(name: string, { short, value }: Flag): string {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

/** The lines of a help about flags. */
export function flagLines(flags: ReadonlyMap<string, Flag>): string[] {
  return [...flags].flatMap(([name, flag]) => {
    const text = `  ${flagText(name, flag)}`;
    const [first, ...rest] = wrap(flag.help, HELP_WIDTH, ' '.repeat(FLAG_COLUMN));
    return text.length < FLAG_COLUMN - 1
      ? [text.padEnd(FLAG_COLUMN) + first!.slice(FLAG_COLUMN), ...rest]
      : [text, first!, ...rest];
  });
}

/** How a command is called, each way a line; the flags of asking are part of it. */
export function usagesOf({ name, usage, asks, flags }: CommandSpec): string[] {
  const common = Object.entries<Flag>(ASKING_FLAGS).filter(
    ([flag]) => !(flag in flags && usage.some((words) => words.includes(`[--${flag}`))),
  );
  const asking = common.map(([flag, { value }]) => `[--${flag}${value === undefined ? '' : ` ${value}`}]`);
  const tail = asks ? [asking.join(' ')] : [];
  return usage.map((words) => ['magma', name, ...tail, words].filter((part) => part !== '').join(' '));
}

/** The first way to call it, for messages. */
export function usageOf(spec: CommandSpec): string {
  return usagesOf(spec)[0]!;
}

/** The page that `magma COMMAND --help` prints. */
export function helpOf(spec: CommandSpec): string {
  const { name, title, text, status } = spec;
  const usages = usagesOf(spec).map((usage, at) => (at === 0 ? `Usage: ${usage}` : `       ${usage}`));
  const blocks = [
    wrap(`magma ${name}: ${title}.`, HELP_WIDTH),
    usages,
    ...text.map((part) => (part.startsWith('  ') ? part.split('\n') : wrap(part, HELP_WIDTH))),
    flagLines(flagsOf(spec)),
    wrap(`Exit status: ${status}.`, HELP_WIDTH),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** The page that `magma --help` prints. */
export function overview(specs: readonly CommandSpec[]): string {
  const widest = Math.max(...specs.map(({ name }) => name.length));
  const lines = specs.map(({ name, brief }) => `  magma ${name.padEnd(widest)}  ${brief}`);
  return `magma: the operator's tool.

Usage: magma COMMAND ...

${lines.join('\n')}

      --help             print this page; with a command that command's, as magma help COMMAND
      --version          print the version

Exit status: 0 all is well, 1 it is not, 2 the command line is wrong, 130 broken off with ^C.
`;
}
