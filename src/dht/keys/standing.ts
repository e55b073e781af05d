import type { KeyPlan } from './plan.ts';
import type { KeyUser } from './users.ts';

/** As long before its time is over whoever still has the old key is told of loudly, in seconds: three days. */
export const NEAR_SECONDS = 3 * 86_400;
/** Volcanos that are named in one sentence. */
const NAMED_MAX = 8;

/** An older key of the network that a volcano lets in besides the one that volcanos call each other with. */
export interface OldKey {
  /** In seconds since 1970; 0: until it is ended. */
  readonly until: number;
  /** Clients that called this volcano with it last. */
  readonly clients: number;
}

/** What a volcano tells of the network's keys, with its figures. It names none of them: a name is something to hold guesses against. */
export interface KeyFigures {
  /** The number of the plan that it goes by; 0: the key has never been changed. */
  readonly plan: number;
  /** Null: it lets no older one in. */
  readonly old: OldKey | null;
}

/** Of who has no keys. */
export const NO_KEYS: KeyFigures = { plan: 0, old: null };

/** How a change of the network's key stands, by what volcanos tell. */
export interface KeyStanding {
  /** Until when the old key is let in, in seconds since 1970; 0: until it is ended. */
  readonly until: number;
  /** Clients that called with it last: as many as the volcano saw that saw the most. */
  readonly clients: number;
  /** Nicknames of volcanos that go by an older plan, and so have the old key, and of those that nothing is known of. */
  readonly behind: readonly string[];
  readonly unheard: readonly string[];
}

/** Clients that called with that key, and not with another one since. */
function clientsWith(keyId: string, users: readonly KeyUser[]): number {
  const last = new Map<string, KeyUser>();
  for (const user of users) {
    if (user.client === null) continue;
    const name = `${user.client.name} ${user.address}`;
    if (user.quietMs < (last.get(name)?.quietMs ?? Number.POSITIVE_INFINITY)) last.set(name, user);
  }
  return [...last.values()].filter((user) => user.keyId === keyId).length;
}

/** What a volcano tells that goes by that plan, and has seen those users. */
export function keyFigures(plan: KeyPlan | null, users: () => readonly KeyUser[]): KeyFigures {
  if (plan === null) return NO_KEYS;
  const { number, dial, accept, until } = plan;
  const [old, newer] = accept;
  if (newer === undefined || newer !== dial) return { plan: number, old: null };
  return { plan: number, old: { until, clients: clientsWith(old!, users()) } };
}

/** How a change of the key stands, by the figures of all volcanos; null: no old key is let in by those that go by the newest plan. */
export function keyStanding<T extends { readonly nickname: string }>(
  volcanos: readonly T[],
  keysOf: (volcano: T) => KeyFigures | null,
): KeyStanding | null {
  const told = volcanos.map((volcano) => ({ nickname: volcano.nickname, keys: keysOf(volcano) }));
  const newest = Math.max(...told.map(({ keys }) => keys?.plan ?? 0));
  const olds = told.flatMap(({ keys }) => (keys?.plan === newest && keys.old !== null ? [keys.old] : []));
  if (olds.length === 0) return null;
  const names = (which: (keys: KeyFigures | null) => boolean): string[] =>
    told.filter(({ keys }) => which(keys)).map(({ nickname }) => nickname);
  return {
    until: olds[0]!.until,
    clients: Math.max(...olds.map(({ clients }) => clients)),
    behind: names((keys) => keys !== null && keys.plan < newest),
    unheard: names((keys) => keys === null),
  };
}

/** Whether somebody still has the old key, and its time is nearly over. */
export function isUrgent({ until, clients, behind, unheard }: KeyStanding, nowSeconds: number): boolean {
  return until > 0 && until - nowSeconds <= NEAR_SECONDS && clients + behind.length + unheard.length > 0;
}

/** A moment, in seconds since 1970, for people. */
export function momentText(seconds: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: the time is given; this writes it down.
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** The same in a sentence, without a full stop. */
export function standingText(standing: KeyStanding, nowSeconds: number): string {
  const { until, clients, behind, unheard } = standing;
  const some = (names: readonly string[]): string =>
    names.length > NAMED_MAX
      ? `${names.slice(0, NAMED_MAX).join(', ')} and ${names.length - NAMED_MAX} more`
      : names.join(', ');
  const who = [
    ...(clients > 0
      ? [`${clients === 1 ? 'a client calls' : `${clients} clients call`} with it (magma key list)`]
      : []),
    ...(behind.length > 0 ? [`${some(behind)} ${behind.length === 1 ? 'has' : 'have'} no other yet`] : []),
    ...(unheard.length > 0 ? [`nothing is known of ${some(unheard)}`] : []),
  ];
  const when = until > 0 ? `until ${momentText(until)}` : 'until magma key rotate --end';
  const head = isUrgent(standing, nowSeconds) ? 'OLD KEY: that' : 'the old key';
  return `${head} of the network is let in ${when}${who.length > 0 ? `; ${who.join('; ')}` : ''}`;
}
