/** The most problems that one error tells of; the rest are counted. */
export const PROBLEMS_MAX = 100;

/** One thing that is wrong with a set of rules. */
export interface Problem {
  /** Where: `file:line`, or what the caller of `parseRule` said. */
  readonly where: string;
  /** The word at fault, as it was written; empty when it is the line as a whole. */
  readonly word: string;
  /** What is wrong, and the cure. */
  readonly reason: string;
}

/** Rules that cannot be used. `message` has one line for each problem: place, word, reason and cure. */
export class RulesError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems
      .slice(0, PROBLEMS_MAX)
      .map(({ where, word, reason }) => `${where}: ${word === '' ? '' : `"${word}": `}${reason}`);
    if (problems.length > PROBLEMS_MAX) lines.push(`and ${problems.length - PROBLEMS_MAX} more problems`);
    super(lines.join('\n'));
    this.name = 'RulesError';
    this.problems = problems;
  }
}

/** True for characters that a terminal must not get and that no line of text has, but for the tab. */
function isControl(character: string): boolean {
  const code = character.charCodeAt(0);
  return (code < 0x20 && code !== 0x09) || (code >= 0x7f && code < 0xa0);
}

/** True when bytes (as a Latin-1 string) are no line of text: there are ASCII control characters in it. */
export function hasControls(bytes: string): boolean {
  for (const character of bytes) if (character < '\x80' && isControl(character)) return true;
  return false;
}

/** Bytes (as a Latin-1 string) as people read them: UTF-8 where they are that, control characters made visible. */
export function readable(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  const visible = (character: string): string =>
    isControl(character) || character === '\t'
      ? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
      : character;
  return Array.from(text, visible).join('');
}
