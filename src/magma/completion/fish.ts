import type { Followed, Program, Shell } from './model.ts';

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** What fish is told of what follows, on the condition that `when` says. */
function linesOf(program: string, { flags, words }: Followed, when: string): string[] {
  const start = `complete -c ${program}${when === '' ? '' : ` -n ${quoted(when)}`}`;
  const lines = [...flags].map(([name, { short, value, help, takes }]) => {
    const letter = short === undefined ? '' : ` -s ${short}`;
    const kind =
      value === undefined
        ? ''
        : takes === 'directory'
          ? " -x -a '(__fish_complete_directories)'"
          : takes === 'file'
            ? ' -r -F'
            : typeof takes === 'object'
              ? ` -x -a ${quoted(takes.join(' '))}`
              : ' -x';
    return `${start} -l ${name}${letter}${kind} -d ${quoted(help)}`;
  });
  if (words === 'directory') lines.push(`${start} -a '(__fish_complete_directories)'`);
  else if (words === 'local' || words === 'both') lines.push(`${start} -F`);
  else if (typeof words === 'object') lines.push(`${start} -a ${quoted(words.join(' '))}`);
  return lines;
}

function programLines(program: Program): string[] {
  const { name, commands } = program;
  const first = commands.size === 0 ? '' : '__fish_use_subcommand';
  return [
    `complete -c ${name} -f`,
    ...linesOf(name, program, first),
    ...[...commands].flatMap(([command, followed]) => [
      `complete -c ${name} -n ${first} -a ${command} -d ${quoted(followed.brief)}`,
      ...linesOf(name, followed, `__fish_seen_subcommand_from ${command}`),
    ]),
  ];
}

/** Completion for fish. */
export const fish: Shell = (
  programs,
) => `# Completion for fish: put it into ~/.config/fish/completions/magma.fish. Made by "magma completion fish".

${programs.map((program) => programLines(program).join('\n')).join('\n\n')}
`;
