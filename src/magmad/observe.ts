import { formatOptions } from '../acl/options.ts';
import { formatQuota, type QuotaRule } from '../acl/quota-rule.ts';
import type { Rule } from '../acl/rule.ts';
import type { Clock } from '../base/clock.ts';
import {
  CLIENTS_OBSERVED_MAX,
  type ClientObserved,
  LINES_OBSERVED_MAX,
  MOUNTS_OBSERVED_MAX,
  type Observation,
  type Observing,
  type ShareObserved,
} from '../dht/observation.ts';
import type { MountEntry } from '../mountd/mount-list.ts';
import type { ClientFigures } from '../rpc/client-gauges.ts';
import type { ProcedureFigures } from '../rpc/procedure-gauges.ts';
import { VERSION } from './version.ts';

/** What an observation is made of. */
export interface ObserverParts {
  readonly clock: Clock;
  readonly clients: { figures(): readonly ClientFigures[] };
  readonly procedures: { figures(): readonly ProcedureFigures[] };
  readonly mounts: { list(): readonly MountEntry[] };
  readonly rules: { list(): readonly { readonly path: string }[]; rules(): readonly Rule[] };
  readonly quotas: { rules(): readonly QuotaRule[] };
  readonly log: { last(count: number): readonly string[] };
}

/** A client that has mounted, and not called since the start. */
const SILENT: Omit<ClientFigures, 'client'> = {
  ...{ calls: 0, retransmissions: 0, duplicates: 0, replayed: 0 },
  ...{ requestBytes: 0, replyBytes: 0, lossPercent: 0, sick: false },
  ...{ quietMs: 0, stuckMs: 0, procedures: [] },
};

/** Whether a path is that one, or lies below it. */
function within(path: string, above: string): boolean {
  return path === above || path.startsWith(above === '/' ? '/' : `${above}/`);
}

/** Sees what this volcano does for its clients, since it was made. */
export class Observer {
  readonly #parts: ObserverParts;
  readonly #since: number;

  constructor(parts: ObserverParts) {
    this.#parts = parts;
    this.#since = parts.clock.monotonic();
  }

  /** What it sees now. */
  observe({ clients, lines }: Observing): Omit<Observation, 'nickname'> {
    const { clock, procedures, log } = this.#parts;
    const all = this.#clients();
    return {
      version: VERSION,
      countedMs: clock.monotonic() - this.#since,
      clients: all.slice(0, Math.min(clients, CLIENTS_OBSERVED_MAX)),
      clientsInAll: all.length,
      shares: this.#shares(),
      procedures: procedures.figures(),
      lines: lines === 0 ? [] : log.last(Math.min(lines, LINES_OBSERVED_MAX)),
    };
  }

  #clients(): ClientObserved[] {
    const mounted = new Map<string, string[]>();
    for (const { client, path } of this.#parts.mounts.list()) {
      const paths = mounted.get(client);
      if (paths === undefined) mounted.set(client, [path]);
      else paths.push(path);
    }
    const figures: ClientFigures[] = [...this.#parts.clients.figures()];
    const called = new Set(figures.map(({ client }) => client));
    for (const client of mounted.keys()) if (!called.has(client)) figures.push({ client, ...SILENT });
    return figures.map((one) => {
      const paths = mounted.get(one.client) ?? [];
      return { ...one, mounts: paths.slice(0, MOUNTS_OBSERVED_MAX), mountsInAll: paths.length };
    });
  }

  #shares(): ShareObserved[] {
    const { rules, quotas } = this.#parts;
    const all = rules.rules();
    return rules.list().map(({ path }) => ({
      path,
      rules: [
        ...all
          .filter((rule) => within(rule.path, path))
          .map(({ text, options }) => `${text} ${formatOptions(options)}`.trimEnd()),
        ...quotas
          .rules()
          .filter((quota) => quota.path === path)
          .map(formatQuota),
      ],
    }));
  }
}
