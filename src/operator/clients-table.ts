import type { ClientObserved } from '../dht/observation.ts';
import { shown, told } from './text.ts';

/** The columns of clients, wherever they are shown. */
export const CLIENT_COLUMNS = ['client', 'calls', 'again', 'late', 'replayed', 'loss', 'mounted'] as const;

/** What these columns mean. */
export const CLIENT_COLUMNS_HELP =
  'again: calls over UDP that came a second time. late: those of them that came while the first was under way: the volcano was slow. replayed: the others, which got their answer once more: a packet was lost. loss: about how many of its packets get lost.';

function mounted({ mounts, mountsInAll }: ClientObserved): string {
  const more = mountsInAll > mounts.length ? [`and ${mountsInAll - mounts.length} more`] : [];
  return [...mounts.map(shown), ...more].join(' ') || '-';
}

/** A client's row of `CLIENT_COLUMNS`, made harmless, in bytes. */
export function clientCells(client: ClientObserved): string[] {
  const { calls, retransmissions, duplicates, replayed, lossPercent } = client;
  const figures =
    calls === 0
      ? ['-', '-', '-', '-', '-']
      : [`${calls}`, `${retransmissions}`, `${duplicates}`, `${replayed}`, `${lossPercent} %`];
  return [told(client.client), ...figures, mounted(client)];
}

/** What is said of a client that is sick, made harmless, in bytes. */
export function lossSentence({ client, lossPercent }: Pick<ClientObserved, 'client' | 'lossPercent'>): string {
  return `The network of ${told(client)} loses about ${lossPercent} % of packets.`;
}
