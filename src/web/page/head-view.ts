import type { SessionState, State } from '../api.ts';
import { attribute, byId, h, KeyedList, say } from './dom.ts';
import { count, duration, moment } from './format.ts';
import { type Alarm, alarms, overall } from './health.ts';
import { SIGNS } from './ring-drawing.ts';

/** The head of the page: whose page it is, how it stands with the network, and with the connection. */
export class HeadView {
  readonly #overall = byId('overall');
  readonly #sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
  readonly #sentence = h('strong');
  readonly #facts = h('span', { class: 'facts num' });
  readonly #alarms = byId('alarms');
  readonly #list: KeyedList<Alarm>;
  #nickname = 'the volcano';
  #connected: boolean | null = null;
  /** When the last state came, by this machine's clock. */
  #seen: number | null = null;
  #said = new Set<string>();

  constructor() {
    this.#overall.append(this.#sign, h('p', {}, this.#sentence, this.#facts));
    this.#list = new KeyedList(this.#alarms, () => {
      const sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
      const text = h('span');
      const element = h('li', {}, sign, text);
      return {
        element,
        update(alarm) {
          attribute(element, 'class', `alarm ${alarm.level}`);
          say(sign, SIGNS[alarm.level]);
          say(text, alarm.text);
        },
      };
    });
    setInterval(() => this.#age(), 1000);
  }

  session({ nickname, version, may, key }: SessionState): void {
    this.#nickname = nickname;
    say(byId('nickname'), nickname);
    say(byId('version'), `MAGMA version ${version}, volcano ${nickname}`);
    const button = byId('session');
    button.hidden = !key;
    say(button, may === 'change' ? 'Log out' : 'Log in');
    document.body.classList.remove('closed');
  }

  /** Nothing may be seen before somebody logs in. */
  closed(session: SessionState): void {
    this.session(session);
    byId('session').hidden = true;
    document.body.classList.add('closed');
    this.#connected = null;
    byId('lost').hidden = true;
    attribute(byId('connection'), 'class', 'pill');
    say(byId('connection'), 'not logged in');
  }

  update(state: State): void {
    this.#seen = Date.now();
    const { level, text } = overall(state);
    this.#overall.hidden = false;
    attribute(this.#overall, 'class', `overall ${level}`);
    say(this.#sign, SIGNS[level]);
    say(this.#sentence, text);
    document.title = `${level === 'good' ? '' : `${SIGNS[level]} `}${this.#nickname} · magma`;
    const { epoch, slices, networkId, volcanos, clientsInAll, oldKey } = state;
    say(
      this.#facts,
      `${count(volcanos.length)} ${volcanos.length === 1 ? 'volcano' : 'volcanos'} · ${count(slices)} slices · ${count(clientsInAll)} ${clientsInAll === 1 ? 'client' : 'clients'} · epoch ${count(epoch)}${oldKey === null || oldKey.urgent ? '' : ` · ${oldKey.text}`}`,
    );
    const network = byId('network');
    say(network, `network ${networkId.slice(0, 8)}`);
    network.title = networkId;
    const all = alarms(state);
    // The worst of the ring is said above already.
    const listed = all.filter((alarm) => alarm.text !== text);
    this.#alarms.hidden = listed.length === 0;
    this.#list.show(listed, ({ key }) => key);
    this.#announce(all);
    this.#age();
  }

  connected(yes: boolean): void {
    this.#connected = yes;
    this.#age();
  }

  /** Something that went wrong, for who looks and who listens. */
  say(text: string): void {
    say(byId('called'), text);
  }

  #age(): void {
    if (this.#connected === null) return;
    const pill = byId('connection');
    const lost = byId('lost');
    attribute(pill, 'class', `pill ${this.#connected ? 'good' : 'bad'}`);
    say(pill, this.#connected ? '● live' : '✕ no connection');
    const was = lost.hidden;
    lost.hidden = this.#connected;
    document.body.classList.toggle('stale', !this.#connected);
    if (this.#connected) {
      if (!was) say(byId('said'), `The connection to ${this.#nickname} is back.`);
      say(lost, '');
      return;
    }
    const since =
      this.#seen === null
        ? 'Nothing was seen of it yet.'
        : `What you see is of ${moment(this.#seen, Date.now())}, ${duration(Date.now() - this.#seen)} ago.`;
    say(lost, `No connection to ${this.#nickname}. ${since} It is tried again by itself.`);
    if (was) this.say(`No connection to ${this.#nickname}.`);
  }

  /** Says what is new, once; the bad ones at once. */
  #announce(all: readonly Alarm[]): void {
    const fresh = all.filter(({ key }) => !this.#said.has(key));
    const ended = this.#said.size > 0 && all.length === 0;
    this.#said = new Set(all.map(({ key }) => key));
    const texts = (bad: boolean): string =>
      fresh
        .filter(({ level }) => (level === 'bad') === bad)
        .map(({ text }) => text)
        .join(' ');
    if (texts(true) !== '') this.say(texts(true));
    if (texts(false) !== '') say(byId('said'), texts(false));
    if (ended) say(byId('said'), 'All is well again.');
  }
}
