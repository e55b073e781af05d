import { type PasswordHash, parseHash } from './password.ts';
import { GIDS_MAX, HOME_MAX, IDENT_MAX } from './schema.ts';

/** The most users of a file. */
export const USERS_MAX = 10_000;
/** The highest id: those above are signs of "nobody" and "as it was" here and there. */
const ID_MAX = 2 ** 32 - 3;
/** What stands for the hash of somebody who may not log in. */
const LOCKED = /^[!*]/;

/** Somebody who logs in from a PC. */
export interface PcUser {
  readonly name: string;
  /** Null: locked, no password opens it. */
  readonly hash: PasswordHash | null;
  readonly uid: number;
  readonly gid: number;
  readonly gids: readonly number[];
  /** `HOST:PATH`, or empty. */
  readonly home: string;
}

/** The users of a file cannot be read: all that is wrong, a line each, with file and line. */
export class UsersError extends Error {}

/** Why that is no name of a user; null when it is one. */
export function nameFault(name: string): string | null {
  if (!/^[!-9;-~]+$/.test(name) || name.startsWith('#'))
    return 'must be printable ASCII without spaces, ":", "#" first';
  return name.length <= IDENT_MAX ? null : `must be at most ${IDENT_MAX} bytes long`;
}

/** The whole number from 1 (root never logs in from a PC) that a text is; null when it is none. */
export function idOf(text: string): number | null {
  const id = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  return id >= 1 && id <= ID_MAX ? id : null;
}

/** The groups of a list with commas; null when it is none. */
export function gidsOf(text: string): readonly number[] | null {
  if (text === '') return [];
  const gids = text.split(',').map(idOf);
  return gids.length > GIDS_MAX || gids.includes(null) ? null : (gids as number[]);
}

/** Why that is no home directory; null when it is one, or empty. */
export function homeFault(home: string): string | null {
  if (home === '') return null;
  if (!/^[^:\s]+:\/[ -~]*$/.test(home)) return 'must be HOST:PATH, as a client mounts it';
  return home.length <= HOME_MAX ? null : `must be at most ${HOME_MAX} bytes long`;
}

function readLine(line: string): PcUser | string {
  const [name = '', hash, uid, gid, gids = '', ...rest] = line.split(':');
  const wrongName = nameFault(name);
  if (wrongName !== null) return `the name ${wrongName}`;
  if (gid === undefined) return 'a user is NAME:HASH:UID:GID[:GID,GID...[:HOME]]';
  const ids = [idOf(uid!), idOf(gid)] as const;
  if (ids[0] === null) return `the uid of ${name} must be 1 to ${ID_MAX}`;
  if (ids[1] === null) return `the gid of ${name} must be 1 to ${ID_MAX}`;
  const groups = gidsOf(gids);
  if (groups === null) return `the groups of ${name} must be at most ${GIDS_MAX} gids with commas`;
  const home = rest.join(':');
  const wrongHome = homeFault(home);
  if (wrongHome !== null) return `the home of ${name} ${wrongHome}`;
  const parsed = LOCKED.test(hash!) ? null : parseHash(hash!);
  if (typeof parsed === 'string') return `what stands for the password of ${name} ${parsed}`;
  return { name, hash: parsed, uid: ids[0], gid: ids[1], gids: groups, home };
}

/** Those who may log in from PCs, by name and by uid. */
export class PcUsers {
  readonly #byName = new Map<string, PcUser>();
  readonly #byUid = new Map<number, PcUser>();

  constructor(users: readonly PcUser[]) {
    for (const user of users) {
      this.#byName.set(user.name, user);
      // Of several with one uid the first one gives it its name, as with passwd(5).
      if (!this.#byUid.has(user.uid)) this.#byUid.set(user.uid, user);
    }
  }

  named(name: string): PcUser | undefined {
    return this.#byName.get(name);
  }

  ofUid(uid: number): PcUser | undefined {
    return this.#byUid.get(uid);
  }

  get size(): number {
    return this.#byName.size;
  }
}

/**
 * Reads a file of users, a line each: `NAME:HASH:UID:GID[:GID,GID...[:HOST:PATH]]`; `#` begins a comment, a hash that begins with `!` or `*` lets nobody in.
 * Throws `UsersError` with all that is wrong; `where` names the file.
 */
export function parseUsers(text: string, where: string): PcUsers {
  const users = new Map<string, PcUser>();
  const faults: string[] = [];
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const user = readLine(line);
    if (typeof user === 'string') faults.push(`${where}:${at + 1}: ${user}`);
    else if (users.has(user.name)) faults.push(`${where}:${at + 1}: there is a ${user.name} already`);
    else users.set(user.name, user);
  }
  if (users.size > USERS_MAX) faults.push(`${where}: ${users.size} users; there may be ${USERS_MAX}`);
  if (faults.length > 0) throw new UsersError(faults.join('\n'));
  return new PcUsers([...users.values()]);
}
