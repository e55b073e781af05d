import {
  closeSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemRandom } from '../base/random.ts';
import { UsageError } from '../magmad/usage.ts';
import { standardInput } from '../mount-magma/input.ts';
import { newPassphraseFrom } from '../mount-magma/passphrase.ts';
import { hashPassword } from '../pcnfsd/password.ts';
import { PASSWORD_MAX } from '../pcnfsd/schema.ts';
import { gidsOf, homeFault, idOf, nameFault, parseUsers, UsersError } from '../pcnfsd/users.ts';
import type { CommandSpec } from './command.ts';
import { readWords, usageError, type Words } from './options.ts';
import { failed } from './ring.ts';

/** `magma pc-user`, as its help has it. */
export const PC_USER: CommandSpec = {
  name: 'pc-user',
  brief: 'who may log in from PC-NFS (magmad --pcnfsd)',
  title: 'writes a user of PC-NFS into the file that magmad --pcnfsd reads, or takes one out of it',
  usage: ['FILE NAME [--uid N] [--gid N] [--groups N,N...] [--home HOST:PATH]', 'FILE NAME --remove'],
  text: [
    'The password is asked for twice, or is the next line of standard input, or the first line of a file. It must be printable ASCII: more does not come through the protocol, which only scrambles it. Use no password that is used elsewhere. What is kept is a salted scrypt hash.',
    'Who is there already gets another password, and keeps what is not given. magmad reads the file at its start and on SIGHUP.',
  ],
  flags: {
    json: { help: 'one JSON object: file, user, done (added, changed, removed)' },
    uid: { value: 'N', help: "the user's number; a new one needs it" },
    gid: { value: 'N', help: "the user's group; else as the uid" },
    groups: { value: 'N,N...', help: 'further groups, at most 16' },
    home: { value: 'HOST:PATH', help: 'the directory that clients are told to mount' },
    'password-file': { value: 'FILE', help: 'a file of mode 0600 whose first line is the password', takes: 'file' },
    remove: { help: 'take the user out' },
  },
  asks: false,
  status: '0 written; 1 not written, and why; 2 the command line is wrong',
  words: 'local',
};

interface Fields {
  readonly uid: string;
  readonly gid: string;
  readonly gids: string;
  readonly home: string;
}

/** What the command line says of a user, above what the file says. Throws `UsageError`. */
function fieldsOf(flags: Words['flags'], line: string | undefined): Fields {
  const [, , uid, gid, gids = '', ...home] = line?.split(':') ?? [];
  const given = (name: string): string | undefined => flags[name] as string | undefined;
  const fields = {
    uid: given('uid') ?? uid,
    gid: given('gid') ?? gid ?? given('uid'),
    gids: given('groups') ?? gids,
    home: given('home') ?? home.join(':'),
  };
  if (fields.uid === undefined) throw usageError(PC_USER, 'a new user needs --uid');
  if (idOf(fields.uid) === null)
    throw usageError(PC_USER, `--uid: "${fields.uid}" is no number from 1; root is no PC user`);
  if (idOf(fields.gid!) === null) throw usageError(PC_USER, `--gid: "${fields.gid}" is no number from 1`);
  if (gidsOf(fields.gids) === null) throw usageError(PC_USER, '--groups must be at most 16 numbers with commas');
  const fault = homeFault(fields.home);
  if (fault !== null) throw usageError(PC_USER, `--home ${fault}`);
  return fields as Fields;
}

async function passwordFrom(file: string | null): Promise<Buffer> {
  const input = standardInput();
  try {
    const password = await newPassphraseFrom({ option: '--password-file', file, input }, 'Password: ');
    if (password.length > PASSWORD_MAX || password.some((byte) => byte < 0x20 || byte > 0x7e))
      throw new Error(`a password of PC-NFS is at most ${PASSWORD_MAX} characters of printable ASCII`);
    return password;
  } finally {
    input.close();
  }
}

function linesOf(file: string): string[] {
  try {
    const text = readFileSync(file, 'utf8');
    parseUsers(text, file);
    return text.split('\n').filter((line, at, all) => line !== '' || at < all.length - 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Takes the place of the file, which is whole at each moment. Only its owner, who stays the same, may read it. */
function replace(file: string, lines: readonly string[]): void {
  const beside = `${file}.${process.pid}.new`;
  try {
    const to = openSync(beside, 'wx', 0o600);
    try {
      const owner = statSync(file, { throwIfNoEntry: false });
      if (owner !== undefined) fchownSync(to, owner.uid, owner.gid);
      writeSync(to, lines.map((line) => `${line}\n`).join(''));
      fsyncSync(to);
    } finally {
      closeSync(to);
    }
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  const directory = openSync(dirname(file), 'r');
  fsyncSync(directory);
  closeSync(directory);
}

const print = (text: string): void => void process.stdout.write(text);

/** `magma pc-user`. Resolves with the exit status. */
export async function pcUserCommand(argv: readonly string[], say = print): Promise<number> {
  const { words, flags } = readWords(PC_USER, argv);
  const [file, name, ...more] = words;
  if (file === undefined || name === undefined || more.length > 0)
    throw usageError(PC_USER, 'a file and the name of a user are what it needs');
  const fault = nameFault(name);
  if (fault !== null) throw usageError(PC_USER, `a name ${fault}`);
  const json = flags.json === true;
  try {
    const lines = linesOf(file);
    const at = lines.findIndex((line) => line.trim().split(':', 1)[0] === name);
    if (flags.remove === true) {
      if (at < 0) throw new UsersError(`${file}: there is no ${name}`);
      lines.splice(at, 1);
    } else {
      const { uid, gid, gids, home } = fieldsOf(flags, lines[at]?.trim());
      const password = await passwordFrom((flags['password-file'] as string | undefined) ?? null);
      const hash = await hashPassword(password, systemRandom);
      password.fill(0);
      const line = [
        name,
        hash,
        uid,
        gid,
        ...(gids === '' && home === '' ? [] : [gids]),
        ...(home === '' ? [] : [home]),
      ];
      lines.splice(at < 0 ? lines.length : at, at < 0 ? 0 : 1, line.join(':'));
    }
    replace(file, lines);
    const done = flags.remove === true ? 'removed' : at < 0 ? 'added' : 'changed';
    say(json ? `${JSON.stringify({ file, user: name, done })}\n` : `${name}: ${done}\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return failed(json, error);
  }
}
