import type { Flag } from '../src/magma/command.ts';
import { wrap } from '../src/magma/help.ts';

/* mdoc(7), the language of manual pages: its text from the tables that command lines are read by. */

const WIDTH = 80;

/** A text as mdoc shows it as it is. */
export function escaped(text: string): string {
  return (
    text
      .replaceAll('\\', '\\e')
      // The hyphens of a flag are typed, and no line ends at them.
      .replace(/(?<=^|[\s[(|"'`,])-{1,2}[A-Za-z][\w-]*/g, (flag) => flag.replaceAll('-', '\\-'))
      .replaceAll("'", '\\(aq')
      .replaceAll('`', '\\(ga')
      .replaceAll('^', '\\(ha')
      .replaceAll('~', '\\(ti')
      .replaceAll('"', '\\(dq')
  );
}

/** Lines of running text: each sentence begins one, since mdoc sets what ends a sentence apart. */
export function prose(text: string): string[] {
  return escaped(text)
    .split(/(?<=[\w)\]][.?!]) (?=[A-Z[\\])/)
    .flatMap((sentence) => wrap(sentence, WIDTH))
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line));
}

/** A text that is shown line by line as it is, but for two spaces before each line. */
export function literal(text: string): string[] {
  return ['.Bd -literal -offset indent', ...text.split('\n').map((line) => argument(line.replace(/^ {2}/, ''))), '.Ed'];
}

/** Words behind a macro. */
function argument(text: string): string {
  return escaped(text).replaceAll(/(?<!\\)-/g, '\\-');
}

/** A flag behind `.It`. */
export function flagItem(name: string, { short, value }: Flag): string {
  const shown = value === undefined ? '' : ` Ar ${argument(value.replaceAll("'", ''))}`;
  return `.It ${short === undefined ? '' : `Fl ${short} , `}Fl \\-${argument(name)}${shown}`;
}

/** A list of flags with what they mean. */
export function flagList(flags: Iterable<readonly [string, Flag]>): string[] {
  const items = [...flags].flatMap(([name, flag]) => [flagItem(name, flag), ...prose(`${sentence(flag.help)}`)]);
  return items.length === 0 ? [] : ['.Bl -tag -width Ds', ...items, '.El'];
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  const first = /^magma/.test(text) ? text : text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(first) ? first : `${first}.`;
}

/** A command line that is shown as it is. */
export function commandLine(text: string): string {
  return `.Dl ${argument(text)}`;
}
