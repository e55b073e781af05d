import { tableOf } from '../../base/table.ts';
import { clientText } from '../../dht/keys/identity.ts';
import type { Revoked } from '../../dht/keys/revoked.ts';
import { momentText } from '../../dht/keys/standing.ts';
import type { KeyUser } from '../../dht/keys/users.ts';
import type { KeysTold } from '../../dht/programs/node/keys.ts';
import { type Answered, askEvery, problemsOf, silentLines } from '../every.ts';
import { plainText } from '../plain.ts';
import type { RingClient } from '../ring-client.ts';

type Told = readonly Answered<KeysTold>[];

/** What is revoked, by what the volcanos know together. */
export function revokedOf(told: Told): Revoked[] {
  const all = new Map<string, Revoked>();
  for (const one of told) {
    if (!('answer' in one)) continue;
    for (const revoked of one.answer.revoked)
      if ((all.get(revoked.name)?.number ?? 0) < revoked.number) all.set(revoked.name, revoked);
  }
  return [...all.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Clients, as each volcano that answered has seen them. */
function usersOf(told: Told): { readonly volcano: string; readonly user: KeyUser }[] {
  return told
    .flatMap((one) => ('answer' in one ? one.answer.users.map((user) => ({ volcano: one.volcano, user })) : []))
    .filter(({ user }) => user.client !== null)
    .sort((one, other) => one.user.quietMs - other.user.quietMs);
}

/** How the change of the network's key stands, as each volcano goes by it. */
function planRows(told: Told): string[][] {
  return told.flatMap((one) => {
    if (!('answer' in one)) return [];
    const { keyId, has, plan } = one.answer;
    const old = has.filter((id) => id !== keyId);
    const until = plan !== null && plan.until > 0 ? `until ${momentText(plan.until)}` : '';
    return [[plainText(one.volcano), keyId, `${old.join(' ')} ${old.length > 0 ? until : ''}`.trim() || '-']];
  });
}

/** What `magma key list` prints. */
export function listText(told: Told): string {
  const revoked = revokedOf(told);
  const isGone = ({ client }: KeyUser): boolean =>
    client !== null &&
    client.number > 0 &&
    revoked.some(({ name, number }) => name === client.name && client.number <= number);
  const dialed = new Set(told.flatMap((one) => ('answer' in one ? [one.answer.keyId] : [])));
  const isOld = ({ keyId }: KeyUser): boolean => !dialed.has(keyId);
  const rows = usersOf(told).map(({ volcano, user }) => [
    plainText(clientText(user.client!)),
    plainText(user.address),
    `${Math.round(user.quietMs / 1000)} s`,
    plainText(volcano),
    isGone(user) ? 'revoked' : isOld(user) ? 'with the old key' : 'let in',
  ]);
  const gone = revoked.map(({ name, number, seconds }) => [
    plainText(clientText({ name, number })),
    momentText(seconds),
  ]);
  const lines = [
    ...tableOf(['volcano', 'calls with the key', 'lets in, too'], planRows(told)),
    '',
    ...tableOf(['client', 'address', 'seen', 'volcano', 'is'], rows),
    ...(gone.length > 0 ? ['', ...tableOf(['revoked', 'when'], gone)] : []),
    ...silentLines(told),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function listJson(told: Told): object {
  const users = usersOf(told).map(({ volcano, user: { client, keyId, address, quietMs } }) => ({
    ...{ volcano, name: client!.name, number: client!.number, keyId, address, quietMs },
  }));
  const volcanos = told.flatMap((one) => {
    if (!('answer' in one)) return [];
    const { keyId, has, plan } = one.answer;
    return [{ volcano: one.volcano, keyId, has, plan }];
  });
  return { volcanos, users, revoked: revokedOf(told), problems: problemsOf(told) };
}

/** `magma key list`. Resolves with the exit status. */
export async function listKeys(ring: RingClient, json: boolean): Promise<number> {
  const told = await askEvery(ring, (node) => node.keys());
  process.stdout.write(json ? `${JSON.stringify(listJson(told))}\n` : listText(told));
  return problemsOf(told).length === 0 ? 0 : 1;
}
