import { randomBytes } from 'node:crypto';
import { stringify } from 'smol-toml';
import { UsageError } from '../magmad/usage.ts';
import { readAppliance } from './settings.ts';

/** A terminal, or what stands for one in a test. `ask` returns a line without its end, null at the end of all input. */
export interface Talk {
  say(text: string): void;
  ask(question: string): Promise<string | null>;
}

/** How often a wrong answer is asked for again, before the dialog ends. */
export const ASKED_MAX = 10;

/** One question: which key its answer sets, and how. An empty answer sets nothing. */
interface Question {
  readonly key: string;
  readonly text: (table: Table) => string;
  readonly needed?: boolean;
  readonly when?: (table: Table) => boolean;
  readonly value: (answer: string) => unknown;
}
type Table = Record<string, unknown>;

const words = (answer: string): string[] => answer.split(/[\s,]+/).filter((word) => word !== '');
/** `192.168.1.0/24` is short for: that network may write. */
const rules = (answer: string): string[] =>
  answer
    .split(';')
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '')
    .map((rule) => (/^[0-9a-fA-F.:]+(\/[0-9]+)?$/.test(rule) ? `/ ${rule} w no_root_squash` : rule));

const QUESTIONS: readonly Question[] = [
  { key: 'nickname', text: () => 'Name of this volcano, such as wallace', needed: true, value: (answer) => answer },
  {
    key: 'address',
    text: () => 'Address with prefix, such as 192.168.1.20/24 (Enter: DHCP)',
    value: (answer) => answer,
  },
  {
    key: 'gateway',
    text: () => 'Gateway (Enter: none)',
    when: ({ address }) => address !== undefined,
    value: (answer) => answer,
  },
  { key: 'dns', text: () => 'DNS servers (Enter: none)', when: ({ address }) => address !== undefined, value: words },
  { key: 'ntp', text: () => "Time servers (Enter: those of DHCP, else Debian's)", value: words },
  { key: 'join', text: () => 'Join the network of the volcano at (Enter: begin a new network)', value: words },
  {
    key: 'key',
    text: ({ join }) =>
      join === undefined
        ? 'Key of the network ("new" makes one; Enter: none, this volcano stays alone)'
        : 'Key of that network',
    value: (answer) => (answer === 'new' ? randomBytes(24).toString('base64url') : answer),
  },
  {
    key: 'shares',
    text: () =>
      'Who may write: a network such as 192.168.1.0/24, or rules separated by ; (Enter: nobody, all may read)',
    value: rules,
  },
  { key: 'ssh-keys', text: () => 'ssh key of who may log in as root (Enter: no ssh)', value: (answer) => [answer] },
];

/**
 * The set-up dialog. Returns the text of a magma.toml that `readAppliance` takes, or null when nothing is to be written: input ended, the last question was not answered with
 * yes, or an answer was wrong `ASKED_MAX` times. A wrong answer is told and asked for again.
 */
export async function setUp(talk: Talk): Promise<string | null> {
  talk.say('Set-up. Enter takes what stands in parentheses; ^C ends it, and nothing is changed.\n');
  const table: Table = {};
  for (const question of QUESTIONS) {
    if (question.when !== undefined && !question.when(table)) continue;
    if (!(await answered(talk, question, table))) return null;
  }
  const written = `# Written by the set-up at the console.\n${stringify(table)}\n`;
  talk.say(`\n${written}\n`);
  const yes = await talk.ask('Write this, and restart? (yes/no)');
  return yes !== null && /^y(es)?$/i.test(yes.trim()) ? written : null;
}

async function answered(talk: Talk, question: Question, table: Table): Promise<boolean> {
  for (let times = 0; times < ASKED_MAX; times++) {
    const line = await talk.ask(question.text(table));
    if (line === null) return false;
    const answer = line.trim();
    if (answer === '' && question.needed !== true && !(question.key === 'key' && table.join !== undefined)) return true;
    const tried = answer === '' ? { ...table } : { ...table, [question.key]: question.value(answer) };
    const wrong = problemOf(tried, question.key);
    if (wrong === null) {
      Object.assign(table, tried);
      return true;
    }
    talk.say(`${wrong}\n`);
  }
  return false;
}

/** What is wrong with what was answered up to `key`; the network's key comes after join. */
function problemOf(table: Table, key: string): string | null {
  try {
    const read = readAppliance(stringify(key === 'join' ? { ...table, key: 'later' } : table), 'magma.toml');
    return read === null ? 'an answer is needed here' : null;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message.replace(/^magma\.toml: /, '');
  }
}
