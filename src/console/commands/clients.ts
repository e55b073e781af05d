import { tableOf } from '../../base/table.ts';
import { CLIENTS_OBSERVED_MAX } from '../../dht/observation.ts';
import { CLIENT_COLUMNS, CLIENT_COLUMNS_HELP, clientCells, lossSentence } from '../../operator/clients-table.ts';
import type { Command } from '../command.ts';

export const clients: Command = {
  name: 'clients',
  usage: '',
  brief: 'who has mounted, who loses packets',
  help: [
    'Shows who has mounted what, as far as clients have told, and what each has called since this volcano started; those whose networks lose most come first. Of the whole network: magma clients.',
    CLIENT_COLUMNS_HELP,
  ],
  wordsMax: 0,
  async run({ parts: { ring }, print, wait }) {
    const seen = await wait(ring.observe(ring.self, { clients: CLIENTS_OBSERVED_MAX, lines: 0 }));
    const more = seen.clientsInAll - seen.clients.length;
    await print(
      ...tableOf(CLIENT_COLUMNS, seen.clients.map(clientCells)),
      ...(more > 0 ? [`and ${more} more`] : []),
      ...seen.clients.filter(({ sick }) => sick).map(lossSentence),
    );
  },
};
