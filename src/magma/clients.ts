import { tableOf } from '../base/table.ts';
import { CLIENTS_OBSERVED_MAX, type ClientObserved, type Observation } from '../dht/observation.ts';
import { CLIENT_COLUMNS, CLIENT_COLUMNS_HELP, clientCells, lossSentence } from '../operator/clients-table.ts';
import type { CommandSpec } from './command.ts';
import { type Answered, askEvery, problemsOf, silentLines } from './every.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { plain, plainName, plainText } from './plain.ts';
import { asking } from './ring.ts';
import { connectAny } from './ring-client.ts';
import { bySickness } from './top-view.ts';

/** What `magma clients` is. */
export const CLIENTS: CommandSpec = {
  name: 'clients',
  brief: 'who has mounted, who loses packets',
  title: 'who calls the volcanos of a network, and whose network loses packets',
  usage: [''],
  text: [
    'Those whose networks lose most come first. A client that calls two volcanos stands there twice. All is counted since the volcano started.',
    CLIENT_COLUMNS_HELP,
  ],
  flags: {
    json: {
      help: 'one JSON object: clients (volcano, client, calls, retransmissions, duplicates, replayed, requestBytes, replyBytes, lossPercent, sick, quietMs, stuckMs, procedures (procedure, calls), mounts, mountsInAll), clientsInAll, problems (volcano, problem)',
    },
  },
  asks: true,
  status: '0 all volcanos answered; 1 some did not, or nobody could be asked; 2 the command line is wrong',
};

/** The clients of all volcanos that answered, the sickest first. */
export function clientsOf(
  seen: readonly Answered<Observation>[],
): { readonly volcano: string; readonly client: ClientObserved }[] {
  return seen
    .flatMap((one) => ('answer' in one ? one.answer.clients.map((client) => ({ volcano: one.volcano, client })) : []))
    .toSorted((one, other) => bySickness(one.client, other.client));
}

/** What `magma clients` prints. */
export function clientsText(seen: readonly Answered<Observation>[]): string {
  const clients = clientsOf(seen);
  const inAll = seen.reduce((sum, one) => sum + ('answer' in one ? one.answer.clientsInAll : 0), 0);
  const [first, ...columns] = CLIENT_COLUMNS;
  const rows = clients.map(({ volcano, client }) => {
    const [name, ...rest] = clientCells(client).map(plain);
    return [name!, plainText(volcano), ...rest];
  });
  const lines = [
    ...tableOf([first, 'volcano', ...columns], rows),
    ...(inAll > clients.length ? [`and ${inAll - clients.length} more`] : []),
    ...silentLines(seen),
    ...clients.flatMap(({ client }) => (client.sick ? [plain(lossSentence(client))] : [])),
  ];
  return `${lines.join('\n')}\n`;
}

function clientsJson(seen: readonly Answered<Observation>[]): object {
  const clients = clientsOf(seen).map(({ volcano, client: { mounts, ...rest } }) => ({
    ...{ volcano, ...rest },
    mounts: mounts.map(plainName),
  }));
  const clientsInAll = seen.reduce((sum, one) => sum + ('answer' in one ? one.answer.clientsInAll : 0), 0);
  return { clients, clientsInAll, problems: problemsOf(seen) };
}

/** `magma clients`. Resolves with the exit status. */
export async function clientsCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(CLIENTS, argv);
  const { json, config, words } = asked;
  if (words.length > 0) throw usageError(CLIENTS, `"${words[0]}" is too much`);
  const key = keyOf(CLIENTS, config);
  return asking(
    json,
    async () => (await connectAny(asked, key)).ring,
    async (ring) => {
      const seen = await askEvery(ring, (node) => node.observe({ clients: CLIENTS_OBSERVED_MAX, lines: 0 }));
      process.stdout.write(json ? `${JSON.stringify(clientsJson(seen))}\n` : clientsText(seen));
      return problemsOf(seen).length === 0 ? 0 : 1;
    },
  );
}
