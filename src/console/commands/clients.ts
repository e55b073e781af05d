import { tableOf } from '../../base/table.ts';
import type { Command } from '../command.ts';
import { shown, told } from '../text.ts';

/** Clients that are shown, and mounts of each. */
export const CLIENTS_SHOWN = 500;
export const MOUNTS_SHOWN = 3;

export const clients: Command = {
  name: 'clients',
  usage: '',
  brief: 'who has mounted, who loses packets',
  help: [
    'Shows who has mounted what, as far as clients have told, and what each has called since this volcano started; those whose networks lose most come first.',
    'again: calls over UDP that came a second time. late: those of them that came while the first was under way: this volcano was slow. replayed: the others, which got their answer once more: a packet was lost. loss: about how many of its packets get lost.',
  ],
  wordsMax: 0,
  async run({ parts, print }) {
    const mounts = new Map<string, string[]>();
    for (const { client, path } of parts.mounts.list()) mounts.set(client, [...(mounts.get(client) ?? []), path]);
    const figures = parts.clients.figures();
    const called = new Set(figures.map(({ client }) => client));
    const mounted = (client: string): string => {
      const paths = mounts.get(client) ?? [];
      const more = paths.length > MOUNTS_SHOWN ? [`and ${paths.length - MOUNTS_SHOWN} more`] : [];
      return [...paths.slice(0, MOUNTS_SHOWN).map(shown), ...more].join(' ') || '-';
    };
    const rows = [
      ...figures.map(({ client, calls, retransmissions, duplicates, replayed, lossPercent }) => [
        ...[told(client), `${calls}`, `${retransmissions}`, `${duplicates}`, `${replayed}`],
        ...[`${lossPercent} %`, mounted(client)],
      ]),
      ...[...mounts.keys()]
        .filter((client) => !called.has(client))
        .map((client) => [told(client), '-', '-', '-', '-', '-', mounted(client)]),
    ];
    const head = ['client', 'calls', 'again', 'late', 'replayed', 'loss', 'mounted'];
    const sick = figures.filter((one) => one.sick);
    await print(
      ...tableOf(head, rows.slice(0, CLIENTS_SHOWN)),
      ...(rows.length > CLIENTS_SHOWN ? [`and ${rows.length - CLIENTS_SHOWN} more`] : []),
      ...sick.map(
        ({ client, lossPercent }) => `The network of ${told(client)} loses about ${lossPercent} % of packets.`,
      ),
    );
  },
};
