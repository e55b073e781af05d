import type { Flag } from '../command.ts';
import { type Followed, type Program, quoted, type Shell } from './model.ts';

/** What zsh does for a value. */
function actionOf(takes: Flag['takes'] | Followed['words']): string {
  if (takes === 'directory') return '_files -/';
  if (takes === 'file' || takes === 'local' || takes === 'both') return '_files';
  return typeof takes === 'object' ? `(${takes.join(' ')})` : ' ';
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

/** What `_arguments` is told of what follows. */
function specsOf({ flags, words }: Followed): string[] {
  const specs = [...flags].map(([name, { short, value, help, takes }]) => {
    const tail = value === undefined ? '' : `:${escaped(value)}:${actionOf(takes)}`;
    const text = `[${escaped(help)}]${tail}`;
    const long = value === undefined ? `--${name}` : `--${name}=`;
    if (short === undefined) return quoted(`*${long}${text}`);
    // One of them leaves the other out, or not: either may be typed again.
    return `'*'{-${short},${long}}${quoted(text)}`;
  });
  return words === undefined ? specs : [...specs, quoted(`*:word:${actionOf(words)}`)];
}

function functionOf(program: Program): string {
  const { name, commands } = program;
  const call = `_magma_of_${name.replace(/\W/g, '_')}`;
  const lines = (followed: Followed, indent: string): string =>
    specsOf(followed)
      .map((spec) => `${indent}${spec}`)
      .join(' \\\n');
  if (commands.size === 0) return `${call}() {\n  _arguments \\\n${lines(program, '    ')}\n}`;
  const described = [...commands].map(([command, { brief }]) => `      ${quoted(`${command}:${escaped(brief)}`)}`);
  const cases = [...commands].map(([command, followed]) => {
    const specs = lines(followed, '        ');
    return `      ${command})${specs === '' ? '' : ` _arguments \\\n${specs}`} ;;`;
  });
  return `${call}() {
  local curcontext="$curcontext" state
  local -a commands
  _arguments -C \\
${lines(program, '    ')} \\
    '1:command:->command' '*::word:->words'
  case $state in
  command)
    commands=(
${described.join('\n')}
    )
    _describe command commands ;;
  words)
    case $words[1] in
${cases.join('\n')}
    esac ;;
  esac
}`;
}

/** Completion for zsh. */
export const zsh: Shell = (programs) => `#compdef ${programs.map(({ name }) => name).join(' ')}
# Completion for zsh: put it into a directory of $fpath, as _magma. Made by "magma completion zsh".

${programs.map(functionOf).join('\n\n')}

case $service in
${programs.map(({ name }) => `  ${name}) _magma_of_${name.replace(/\W/g, '_')} "$@" ;;`).join('\n')}
esac
`;
