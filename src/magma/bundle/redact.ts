import type { ClientObserved, Observation } from '../../dht/observation.ts';
import { plainName } from '../plain.ts';

/** What stands in place of what is left out. */
export const LEFT_OUT = '(left out)';
const SECRET = '(secret)';
/** Shorter secrets are not looked for in texts: they would be found everywhere. */
export const SECRET_MIN = 6;

/** Text fields of log lines that name nothing of the tree. */
const KEPT = new Set([
  ...['level', 'time', 'room', 'msg', 'client', 'address', 'volcano', 'mirror', 'nickname', 'version', 'holderKind'],
  ...['code', 'why', 'state', 'signal', 'data', 'procedure', 'problem', 'step', 'kind', 'cause', 'unfit', 'answer'],
  ...['file', 'rule', 'type', 'message', 'stack', 'portmap'],
]);

/** The same text without any of these secrets, as they are, or as JSON or a URL has them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter((secret) => secret.length >= SECRET_MIN)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  // The longest first: one may be part of another one.
  const ordered = [...new Set(forms)].sort((one, other) => other.length - one.length);
  return ordered.reduce((rest, form) => rest.replaceAll(form, SECRET), text);
}

/** The share that a path (bytes as a Latin-1 string) lies in, and whether it lies deeper; what lies in none is left out. */
export function sharePath(path: string, shares: readonly { readonly path: string }[]): string {
  const within = (share: string): boolean => path === share || path.startsWith(share === '/' ? '/' : `${share}/`);
  const [found] = shares
    .map((share) => share.path)
    .filter(within)
    .sort((one, other) => other.length - one.length);
  if (found === undefined) return LEFT_OUT;
  return found === path ? plainName(path) : `${plainName(found === '/' ? '' : found)}/...`;
}

function fieldOf(name: string, value: unknown, shares: Observation['shares']): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'string') {
    if (name === 'path') return sharePath(Buffer.from(value, 'utf8').toString('latin1'), shares);
    // Some reasons name a path.
    if (name === 'reason') return value.includes('/') ? LEFT_OUT : value;
    return KEPT.has(name) ? value : LEFT_OUT;
  }
  if (name !== 'err' && name !== 'error') return LEFT_OUT;
  return Object.fromEntries(
    Object.entries(Object(value)).flatMap(([key, part]) =>
      typeof part === 'object' ? [] : [[key, fieldOf(key, part, [])]],
    ),
  );
}

/** A line of a volcano's log without names of the tree but those of shares: what is not known to name nothing is left out. Lines of debug channels are left out as a whole: null. */
export function redactedLine(line: string, shares: Observation['shares']): string | null {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    // The end of a line that was too long is cut off.
    return JSON.stringify({ msg: LEFT_OUT });
  }
  const entries = Object.entries(Object(fields));
  if (entries.some(([name, value]) => name === 'level' && (value === 'debug' || value === 'trace'))) return null;
  return JSON.stringify(Object.fromEntries(entries.map(([name, value]) => [name, fieldOf(name, value, shares)])));
}

/** Clients with the shares that they have mounted, and not where in them. */
export function redactedClients(clients: readonly ClientObserved[], shares: Observation['shares']): readonly object[] {
  return clients.map(({ mounts, ...rest }) => ({ ...rest, mounts: mounts.map((mount) => sharePath(mount, shares)) }));
}
