import { usageError } from './exit.ts';
import {
  ALIASES,
  COMMANDS,
  type Command,
  GENERIC,
  IGNORED,
  SECONDS_MAX,
  SECRETS,
  SETTINGS,
  type Setting,
} from './settings.ts';

/** A command line taken apart. */
export class Words {
  readonly values = new Map<string, string>();
  readonly flags = new Set<string>();
  readonly generic: string[] = [];
  readonly positionals: string[] = [];
  key: string | null = null;
  command: Command = 'mount';

  /** `name` or `name=value`; `from` is what stood before it. */
  set(word: string, from: string): void {
    const at = word.indexOf('=');
    const name = settingName(at < 0 ? word : word.slice(0, at));
    const value = at < 0 ? null : word.slice(at + 1);
    const setting = SETTINGS[name];
    const instead = SECRETS[name];
    if (setting !== undefined) this.#put(name, setting, value, from);
    else if (COMMANDS.has(name)) this.#command(name as Command, value, from);
    else if (instead !== undefined) throw usageError(`${from}${name}: others could read it. Cure: ${instead}`);
    else throw usageError(`${from}${name}: there is no such option`);
  }

  #put(name: string, setting: Setting, value: string | null, from: string): void {
    if (setting.kind === 'flag') {
      if (value !== null) throw usageError(`${from}${name}: it takes no value`);
      this.flags.add(name);
    } else {
      if (value === null || value === '') throw usageError(`${from}${name}: it needs a value (${setting.what})`);
      this.values.set(name, value);
    }
  }

  #command(name: Command, value: string | null, from: string): void {
    if (value !== null) throw usageError(`${from}${name}: it takes no value`);
    if (from !== '--') throw usageError(`${from}${name}: it is no option of a mount. Cure: mount.magma --${name}`);
    if (this.command !== 'mount') throw usageError(`--${this.command} and --${name}: one at a time`);
    this.command = name;
  }

  /** A list as `-o` takes it. */
  list(text: string): void {
    for (const word of text.split(',')) {
      const name = word.split('=')[0]!;
      if (word === '' || IGNORED.has(name) || name.startsWith('x-') || name === 'comment') continue;
      if (GENERIC.has(word)) this.generic.push(word);
      else this.set(word, '-o ');
    }
  }

  /** Refuses what is not for the command. */
  checkCommand(): void {
    for (const name of [...this.flags, ...this.values.keys()]) {
      const only = SETTINGS[name]?.with;
      if (only !== undefined && !only.includes(this.command)) {
        throw usageError(
          this.command === 'mount'
            ? `${name}: it is for --${only.join(', --')}`
            : `${name}: not with --${this.command}`,
        );
      }
    }
    if (this.command === 'mount') return;
    const letter = this.flags.has('fake') ? '-f' : this.flags.has('verbose') ? '-v' : undefined;
    if (letter !== undefined) throw usageError(`${letter}: not with --${this.command}`);
    if (this.generic.length > 0) throw usageError(`-o ${this.generic[0]}: not with --${this.command}`);
  }

  port(name: string, otherwise: number): number {
    const text = this.values.get(name);
    if (text === undefined) return otherwise;
    const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535) throw usageError(`${name}=${text}: a port is 1 to 65535`);
    return port;
  }

  seconds(name: string, otherwise: number): number {
    const text = this.values.get(name);
    if (text === undefined) return otherwise;
    const seconds = /^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
    if (seconds > SECONDS_MAX) throw usageError(`${name}=${text}: it is 0 to ${SECONDS_MAX} seconds`);
    return seconds;
  }

  /** A whole number within bounds; null when it is not given. */
  number(name: string, least: number, most: number): number | null {
    const text = this.values.get(name);
    if (text === undefined) return null;
    const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : -1;
    if (value < least || value > most) throw usageError(`${name}=${text}: it is ${least} to ${most}`);
    return value;
  }
}

/** The name of a setting, in whichever way it was written. */
function settingName(word: string): string {
  const name = word.replaceAll('-', '_');
  return ALIASES[name] ?? name;
}

/** Flags of one letter, as mount(8) gives them to its helpers. */
const LETTERS: Readonly<Record<string, (words: Words) => void>> = {
  f: (words) => words.flags.add('fake'),
  v: (words) => words.flags.add('verbose'),
  r: (words) => words.generic.push('ro'),
  w: (words) => words.generic.push('rw'),
  // Do not write /etc/mtab: nothing here does. Sloppy: unknown options are errors all the same.
  n: () => {},
  s: () => {},
};

/** Takes a command line apart; `help` or `version` when it asks for nothing else. Throws `ExitError`. */
export function readWords(argv: readonly string[]): Words | 'help' | 'version' {
  const words = new Words();
  let at = 0;
  const next = (flag: string): string => {
    const word = argv[at++];
    if (word === undefined) throw usageError(`${flag}: it needs a value`);
    return word;
  };
  while (at < argv.length) {
    const word = argv[at++]!;
    if (word === '--help' || word === '-h') return 'help';
    if (word === '--version' || word === '-V') return 'version';
    if (word === '--') {
      words.positionals.push(...argv.slice(at));
      break;
    }
    if (word === '--key' || word.startsWith('--key=')) words.key = word === '--key' ? next(word) : word.slice(6);
    else if (word.startsWith('--')) words.set(withValue(word.slice(2), next), '--');
    else if (word === '-o') words.list(next(word));
    else if (word.startsWith('-o')) words.list(word.slice(2));
    else if (word === '-t' || word === '-N') next(word);
    else if (word.startsWith('-') && word !== '-') letters(word, words);
    else words.positionals.push(word);
  }
  words.checkCommand();
  return words;
}

/** `name=value`, whether the value stands in the same word or in the next one. */
function withValue(word: string, next: (flag: string) => string): string {
  const kind = SETTINGS[settingName(word)]?.kind;
  return kind === undefined || kind === 'flag' || word.includes('=') ? word : `${word}=${next(`--${word}`)}`;
}

function letters(word: string, words: Words): void {
  for (const letter of word.slice(1)) {
    const act = LETTERS[letter];
    if (act === undefined) throw usageError(`-${letter}: there is no such flag`);
    act(words);
  }
}
