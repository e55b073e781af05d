import type { ClientState, State } from '../api.ts';
import { shownPath } from './bytes.ts';

/** By what clients are sorted. */
export type ClientKey = 'client' | 'rate' | 'calls' | 'again' | 'late' | 'replayed' | 'loss' | 'volcano';

/** A client, with how much it calls now: null when that is not known. */
export interface ClientRow {
  readonly client: ClientState;
  readonly perSecond: number | null;
}

/** Calls a second of clients, from one state to the next. What goes back began anew, and is not known. */
export class ClientRates {
  #before: { readonly now: number; readonly calls: ReadonlyMap<string, number>; readonly rows: ClientRow[] } | null =
    null;

  /** The clients of a state with their rates since the state before. */
  rows({ now, clients }: Pick<State, 'now' | 'clients'>): ClientRow[] {
    const before = this.#before;
    // The same state again is nothing new.
    if (before?.now === now) return before.rows;
    const seconds = before === null ? 0 : (now - before.now) / 1000;
    const calls = new Map(clients.map((client) => [keyOf(client), client.calls]));
    const rows = clients.map((client) => {
      const then = before?.calls.get(keyOf(client));
      const known = then !== undefined && seconds > 0 && client.calls >= then;
      return { client, perSecond: known ? (client.calls - then) / seconds : null };
    });
    this.#before = { now, calls, rows };
    return rows;
  }
}

/** What tells clients apart: the same one may call several volcanos. */
export function keyOf({ client, volcano }: ClientState): string {
  return `${client} ${volcano}`;
}

const VALUES: Readonly<Record<Exclude<ClientKey, 'client' | 'volcano'>, (row: ClientRow) => number>> = {
  rate: ({ perSecond }) => perSecond ?? -1,
  calls: ({ client }) => client.calls,
  again: ({ client }) => client.retransmissions,
  late: ({ client }) => client.duplicates,
  replayed: ({ client }) => client.replayed,
  loss: ({ client }) => client.lossPercent,
};
const numbered = new Intl.Collator('en', { numeric: true });

/** Sorted; by loss those that are to be named stand before all others, and equal ones by what was replayed and called. */
export function sortedClients(rows: readonly ClientRow[], by: ClientKey, down: boolean): ClientRow[] {
  const way = down ? -1 : 1;
  const compare = (one: ClientRow, other: ClientRow): number => {
    if (by === 'client' || by === 'volcano') return numbered.compare(one.client[by], other.client[by]);
    const sick = by === 'loss' ? Number(one.client.sick) - Number(other.client.sick) : 0;
    return sick || VALUES[by](one) - VALUES[by](other);
  };
  const further = (one: ClientRow, other: ClientRow): number =>
    other.client.replayed - one.client.replayed ||
    other.client.calls - one.client.calls ||
    numbered.compare(one.client.client, other.client.client);
  return [...rows].sort((one, other) => way * compare(one, other) || further(one, other));
}

/** Those in whose address, volcano or mounts each word stands. */
export function filteredClients(rows: readonly ClientRow[], filter: string): readonly ClientRow[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return rows;
  return rows.filter(({ client }) => {
    const text = [client.client, client.volcano, ...client.mounts.map(shownPath)].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
