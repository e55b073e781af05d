import type { Limit, QuotaRule } from '../acl/quota-rule.ts';
import type { Rule } from '../acl/rule.ts';

/** What a client has to know to mount. */
export interface Served {
  readonly nfsPort: number;
  readonly mountPort: number;
  /** Clients find the ports by themselves: a portmapper tells them, at the port where they look. */
  readonly findable: boolean;
}

const PERMISSIONS = { r: 'read-only', w: 'read-write', n: 'nothing' } as const;

/** The rules in words, one sentence for each path: `/ read-write to 127.0.0.0/8, read-only to *`. */
export function describeRules(rules: readonly Rule[]): string[] {
  const byPath = new Map<string, string[]>();
  for (const { text, permission } of rules) {
    // The text is `path network permission`, made readable; a path may hold spaces, the others never do.
    const words = text.split(' ');
    const path = words.slice(0, -2).join(' ');
    const clauses = byPath.get(path) ?? [];
    clauses.push(`${PERMISSIONS[permission]} to ${words.at(-2)}`);
    byPath.set(path, clauses);
  }
  return [...byPath].map(([path, clauses]) => `${path} ${clauses.join(', ')}`);
}

function limitText({ soft, hard }: Limit, what: string): string[] {
  const parts = [...(soft === null ? [] : [`${soft} soft`]), ...(hard === null ? [] : [`${hard} hard`])];
  return parts.length === 0 ? [] : [`${what} ${parts.join(', ')}`];
}

/** A quota in words: `/home quota *: bytes 900 soft, 1000 hard; files 5 hard; grace 604800 s`. */
export function describeQuota({ text, bytes, files, graceMs }: QuotaRule): string {
  return `${text}: ${[...limitText(bytes, 'bytes'), ...limitText(files, 'files'), `grace ${graceMs / 1000} s`].join('; ')}`;
}

/** What to type on a Linux client to mount `path` from `host`, a name or an address. A client finds the lock manager by the portmapper alone; this machine's would want this machine's status monitor. */
export function mountCommand(served: Served, host: string, path: string): string {
  const ports = served.findable ? '' : `,port=${served.nfsPort},mountport=${served.mountPort}`;
  const name = host.includes(':') ? `[${host}]` : host;
  const locks = served.findable && host !== 'localhost' ? '' : ',nolock';
  return `mount -t nfs -o nfsvers=2,proto=tcp${ports}${locks} ${name}:${path} /mnt`;
}
