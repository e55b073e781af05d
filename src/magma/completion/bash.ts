import type { Flag } from '../command.ts';
import { type Followed, type Program, quoted, type Shell } from './model.ts';

/** The names under which a flag is typed. */
function namesOf([name, { short }]: readonly [string, Flag]): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

/** What sets the variables by which `_magma_words` completes. */
function settings({ flags, words }: Followed): string[] {
  const all = [...flags];
  const names = (which: (flag: Flag) => boolean): string =>
    all
      .filter(([, flag]) => which(flag))
      .flatMap(namesOf)
      .join(' ');
  const lines = [`flags=${quoted(names(() => true))}`];
  const add = (name: string, text: string): void => {
    if (text !== '') lines.push(`${name}=${quoted(text)}`);
  };
  add(
    'files',
    names(({ takes }) => takes === 'file'),
  );
  add(
    'directories',
    names(({ takes }) => takes === 'directory'),
  );
  add(
    'values',
    names(({ takes, value }) => value !== undefined && takes === undefined),
  );
  for (const [name, flag] of all) {
    if (typeof flag.takes !== 'object') continue;
    const patterns = namesOf([name, flag]).join('|');
    lines.push(`case $prev in ${patterns}) choices=${quoted(flag.takes.join(' '))} ;; esac`);
  }
  if (words === 'directory') lines.push('words=-d');
  else if (words === 'local' || words === 'both') lines.push('words=-f');
  else if (typeof words === 'object') lines.push(`words=${quoted(`-W ${words.join(' ')}`)}`);
  return lines;
}

function functionOf(program: Program): string {
  const { name, commands } = program;
  const call = `_${name.replace(/\W/g, '_')}`;
  const declare = "  local cur prev flags='' files='' directories='' values='' choices='' words=''\n  _magma_begin";
  const end = `  _magma_words\n}\ncomplete -F ${call} ${name}`;
  if (commands.size === 0)
    return `${call}() {\n${declare}\n${settings(program)
      .map((line) => `  ${line}`)
      .join('\n')}\n${end}`;
  const first = settings({ ...program, words: [...commands.keys()] });
  const cases = [...commands].map(([command, followed]) => {
    const lines = settings(followed).map((line) => `        ${line}`);
    return `      ${command})\n${lines.join('\n')} ;;`;
  });
  return `${call}() {
${declare}
  if [ "$COMP_CWORD" -le 1 ]; then
${first.map((line) => `    ${line}`).join('\n')}
  else
    case \${COMP_WORDS[1]} in
${cases.join('\n')}
    esac
  fi
${end}`;
}

/** Completion for bash 4 and later. */
export const bash: Shell = (
  programs,
) => `# Completion for bash: source it, or put it into /usr/share/bash-completion/completions/magma.
# Made by "magma completion bash".

# The word that is typed, and the one before it: bash takes --flag=value for three.
_magma_begin() {
  COMPREPLY=()
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=
  [ "$COMP_CWORD" -gt 0 ] && prev=\${COMP_WORDS[COMP_CWORD - 1]}
  if [ "$cur" = '=' ]; then
    cur=
  elif [ "$prev" = '=' ] && [ "$COMP_CWORD" -gt 1 ]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
}

_magma_reply() {
  local line
  [ "$1" = -W ] || compopt -o filenames 2>/dev/null
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@" -- "$cur")
}

_magma_words() {
  if [ -n "$choices" ]; then
    _magma_reply -W "$choices"
    return
  fi
  case " $files " in *" $prev "*) _magma_reply -f; return ;; esac
  case " $directories " in *" $prev "*) _magma_reply -d; return ;; esac
  case " $values " in *" $prev "*) return ;; esac
  case $cur in -*) _magma_reply -W "$flags"; return ;; esac
  case $words in
    '') ;;
    '-W '*) _magma_reply -W "\${words#-W }" ;;
    *) _magma_reply "$words" ;;
  esac
}

${programs.map(functionOf).join('\n\n')}
`;
