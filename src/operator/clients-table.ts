import type { ClientObserved } from '../dht/observation.ts';
import { shown, told } from './text.ts';

/** The columns of clients, wherever they are shown. */
export const CLIENT_COLUMNS = [
  'client',
  'calls',
  'again',
  'late',
  'replayed',
  'loss',
  'seen',
  'stuck',
  'mounted',
] as const;

/** What these columns mean. */
export const CLIENT_COLUMNS_HELP =
  'again: calls over UDP that came a second time. late: those of them that came while the first was under way: the volcano was slow. replayed: the others, which got their answer once more: a packet was lost. loss: about how many of its packets get lost. seen: how long ago it called last. stuck: how long its oldest call waits that is not answered yet.';

function mounted({ mounts, mountsInAll }: ClientObserved): string {
  const more = mountsInAll > mounts.length ? [`and ${mountsInAll - mounts.length} more`] : [];
  return [...mounts.map(shown), ...more].join(' ') || '-';
}

/** A client's row of `CLIENT_COLUMNS`, made harmless, in bytes. */
export function clientCells(client: ClientObserved): string[] {
  const { calls, retransmissions, duplicates, replayed, lossPercent, quietMs, stuckMs } = client;
  const figures =
    calls === 0
      ? ['-', '-', '-', '-', '-', '-']
      : [
          `${calls}`,
          `${retransmissions}`,
          `${duplicates}`,
          `${replayed}`,
          `${lossPercent} %`,
          `${Math.round(quietMs / 1000)} s`,
        ];
  const stuck = stuckMs === 0 ? '-' : `${(stuckMs / 1000).toFixed(1)} s`;
  return [told(client.client), ...figures, stuck, mounted(client)];
}

/** What is said of a client that is sick, made harmless, in bytes. */
export function lossSentence({ client, lossPercent }: Pick<ClientObserved, 'client' | 'lossPercent'>): string {
  return `The network of ${told(client)} loses about ${lossPercent} % of packets.`;
}
