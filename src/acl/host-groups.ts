import type { RuleOptions } from './options.ts';
import type { Credential } from './squash.ts';

/** As many groups as a call has room for (RFC 5531 appendix A): who names so many may be in more (FIELD.md row 23). */
export const GROUPS_IN_CALL = 16;
/** The most groups of one user that are taken. */
export const HOST_GROUPS_MAX = 64;

/** The groups that a uid is in, beside its own; null: it is not known. */
export type GroupsOf = (uid: number) => readonly number[] | null;

function idOf(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) && Number(text) < 2 ** 32 ? Number(text) : null;
}

/** Reads the texts of passwd(5) and group(5): who is in which groups. Lines that are none are left out, as the host does. */
export function hostGroups(passwd: string, group: string): GroupsOf {
  const members = new Map<string, number[]>();
  for (const line of group.split('\n')) {
    const [, , id, users] = line.split(':');
    const gid = idOf(id);
    if (gid === null || users === undefined) continue;
    for (const name of users.trim().split(',')) {
      const of = members.get(name);
      if (of === undefined) members.set(name, [gid]);
      else of.push(gid);
    }
  }
  const byUid = new Map<number, readonly number[]>();
  for (const line of passwd.split('\n')) {
    const [name = '', , uidText, gidText] = line.split(':');
    const [uid, gid] = [idOf(uidText), idOf(gidText)];
    // Of two users with one uid the first one counts, as for the host.
    if (uid === null || gid === null || byUid.has(uid)) continue;
    byUid.set(uid, [...new Set([gid, ...(members.get(name) ?? [])])].slice(0, HOST_GROUPS_MAX));
  }
  return (uid) => byUid.get(uid) ?? null;
}

/** Who calls, with all groups that he is in, where the rule says so, he names as many as fit, and this host knows him. */
export function allGroups(credential: Credential, options: Pick<RuleOptions, 'hostGroups'>, of: GroupsOf): Credential {
  if (!options.hostGroups || credential.flavor !== 'unix' || credential.gids.length < GROUPS_IN_CALL) return credential;
  const gids = of(credential.uid);
  return gids === null ? credential : { flavor: 'unix', uid: credential.uid, gid: credential.gid, gids };
}
