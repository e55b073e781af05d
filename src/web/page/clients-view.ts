import type { State } from '../api.ts';
import { shownPath } from './bytes.ts';
import { type ClientKey, ClientRates, type ClientRow, filteredClients, keyOf, sortedClients } from './clients.ts';
import { attribute, byId, h, KeyedList, say } from './dom.ts';
import { bytes, count, loss, rate } from './format.ts';
import { sickSentence } from './health.ts';
import { Pager } from './paging.ts';
import { Table } from './table.ts';

/** Clients on a page. */
export const CLIENTS_PAGE = 20;

/** Who calls, how much, and whose network is sick: those first. */
export class ClientsView {
  readonly #rates = new ClientRates();
  readonly #filter = h('input', {
    type: 'search',
    id: 'clients-filter',
    placeholder: 'Address, volcano, path',
    spellcheck: 'false',
    on: { input: () => this.#again() },
  });
  readonly #pager = new Pager(CLIENTS_PAGE, 'clients', () => this.#show());
  readonly #table = new Table<ClientKey>(
    'Clients',
    [
      { title: 'Client', key: 'client' },
      { title: 'Now', key: 'rate', numeric: true, help: 'Operations a second' },
      { title: 'Operations', key: 'calls', numeric: true, help: 'Since its first call' },
      {
        title: 'Came again',
        key: 'again',
        numeric: true,
        help: 'Retransmissions: calls over UDP that came a second time',
      },
      {
        title: 'Late',
        key: 'late',
        numeric: true,
        help: 'Those of them that came while the first was under way: the volcano was slow',
      },
      {
        title: 'Replayed',
        key: 'replayed',
        numeric: true,
        help: 'The others, which got their answer once more: a packet was lost',
      },
      { title: 'Loss', key: 'loss', numeric: true, help: 'About how many of its packets get lost' },
      { title: 'Mounted' },
      { title: 'Volcano', key: 'volcano' },
    ],
    {
      first: { by: 'loss', down: true },
      down: ['rate', 'calls', 'again', 'late', 'replayed', 'loss'],
      changed: () => this.#again(),
    },
    'clients',
  );
  readonly #list: KeyedList<ClientRow>;
  readonly #empty = h('p', { class: 'empty' });
  readonly #note = h('p', { class: 'quiet small' });
  #rows: readonly ClientRow[] = [];

  constructor() {
    this.#list = new KeyedList(this.#table.body, (first) => this.#row(first));
    byId('clients')
      .querySelector('header')!
      .append(h('label', { class: 'choice' }, h('span', {}, 'Filter'), this.#filter));
    byId('clients').append(this.#empty, this.#table.element, this.#pager.element, this.#note);
  }

  update(state: State): void {
    this.#rows = this.#rates.rows(state);
    const hidden = state.clientsInAll - state.clients.length;
    say(
      this.#note,
      hidden > 0 ? `${count(hidden)} more clients are not told of: those whose networks lose least.` : '',
    );
    this.#note.hidden = hidden <= 0;
    this.#show();
  }

  #again(): void {
    this.#pager.first();
    this.#show();
  }

  #show(): void {
    const { by, down } = this.#table.sorting!;
    const filtered = filteredClients(this.#rows, this.#filter.value);
    const rows = this.#pager.of(sortedClients(filtered, by, down));
    this.#list.show(rows, ({ client }) => keyOf(client));
    this.#table.element.hidden = rows.length === 0;
    this.#pager.element.hidden ||= rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    say(this.#empty, this.#rows.length === 0 ? 'Nobody has called or mounted yet.' : 'No client is like that.');
  }

  #row(first: ClientRow): { readonly element: Element; update(row: ClientRow): void } {
    const address = h('span', { class: 'address' });
    const mark = h('span', { class: 'mark', 'aria-hidden': 'true' }, '▲ ');
    const texts = Array.from({ length: 5 }, () => h('span'));
    const lost = h('span', { class: 'loss' });
    const mounts = h('span', { class: 'paths' });
    const volcano = h('span');
    const element = this.#table.row(h('span', {}, mark, address), ...texts, lost, mounts, volcano);
    say(address, first.client.client);
    return {
      element,
      update({ client, perSecond }) {
        attribute(element, 'class', client.sick ? 'sick' : null);
        mark.hidden = !client.sick;
        element.title = `${client.sick ? `${sickSentence(client)} ` : ''}${bytes(client.requestBytes)} in, ${bytes(client.replyBytes)} out`;
        const { calls, retransmissions, duplicates, replayed } = client;
        const told = [rate(perSecond), count(calls), count(retransmissions), count(duplicates), count(replayed)];
        for (const [index, text] of told.entries()) say(texts[index]!, text);
        say(lost, loss(client.lossPercent));
        const more = client.mountsInAll - client.mounts.length;
        say(
          mounts,
          [...client.mounts.map(shownPath), ...(more > 0 ? [`and ${count(more)} more`] : [])].join(', ') || '–',
        );
        say(volcano, client.volcano);
      },
    };
  }
}
