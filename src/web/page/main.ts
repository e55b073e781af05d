import type { SessionState, State } from '../api.ts';
import { ApiClient } from './api-client.ts';
import { ClientsView } from './clients-view.ts';
import { CallHistory } from './counters.ts';
import { askLine } from './dialogs.ts';
import { byId, say } from './dom.ts';
import { Feed } from './feed.ts';
import { FilesView, wordsOf } from './files-view.ts';
import { GraphsView } from './graphs-view.ts';
import { HeadView } from './head-view.ts';
import { LogView } from './log-view.ts';
import { RingView } from './ring-view.ts';
import { SharesView } from './shares-view.ts';
import { themeSwitch } from './theme.ts';

/** The page as a whole: the session, the feed and the views. */
class Page {
  readonly #api = new ApiClient();
  readonly #history = new CallHistory();
  readonly #head = new HeadView();
  readonly #files = new FilesView(this.#api);
  readonly #log = new LogView();
  readonly #views = [new RingView(), new GraphsView(this.#history), new ClientsView(), new SharesView()];
  readonly #feed = new Feed({
    state: (state) => this.#told(state),
    log: (line) => this.#log.add(line),
    connected: (yes) => this.#connected(yes),
    doubted: () => void this.#begin(),
  });
  #session: SessionState | null = null;
  #state: State | null = null;
  #due = false;
  #asking = false;
  #away = false;

  constructor() {
    this.#api.onEnd = () => void this.#begin();
    byId('session').addEventListener('click', () => void this.#logInOrOut());
  }

  async start(): Promise<void> {
    await this.#begin();
    if (!this.#feed.running) this.#feed.start();
  }

  /** Asks what may be done, and goes on by that. Where nothing may be, somebody is to log in. */
  async #begin(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      let session = await this.#api.session();
      const had = this.#session;
      if (session.may === 'login') {
        this.#feed.stop();
        this.#head.closed(session);
        do {
          await this.#logIn(had !== null && had.may !== 'login', true);
          session = await this.#api.session();
        } while (session.may === 'login');
      }
      this.#take(session);
      if (!this.#feed.running) this.#feed.start();
    } catch {
      // The feed tells that nobody answers, and asks again.
    } finally {
      this.#asking = false;
    }
  }

  #take(session: SessionState): void {
    const before = this.#session;
    this.#session = session;
    this.#head.session(session);
    if (before?.may !== session.may) this.#files.start(session);
  }

  async #logIn(ended: boolean, must: boolean): Promise<void> {
    const text = ended ? 'The session has ended. Log in again to go on.' : 'The key of this network is asked for.';
    await askLine(
      { title: 'Log in', text, action: 'Log in' },
      {
        label: 'Key',
        kind: 'password',
        must,
        fault: async (key) => {
          try {
            await this.#api.login(key);
            return null;
          } catch (error) {
            return wordsOf(error);
          }
        },
      },
    );
  }

  async #logInOrOut(): Promise<void> {
    try {
      if (this.#session?.may === 'change') {
        await this.#api.logout();
        // Nothing that was seen stays in the page's memory.
        location.reload();
        return;
      }
      await this.#logIn(false, false);
    } catch (error) {
      this.#head.say(wordsOf(error));
    }
    await this.#begin();
  }

  /** A volcano that was away may have been started anew: then it knows nothing of the session. */
  #connected(yes: boolean): void {
    if (yes && this.#away) void this.#begin();
    this.#away = !yes;
    this.#head.connected(yes);
  }

  #told(state: State): void {
    this.#history.add(state);
    this.#state = state;
    if (!this.#due) requestAnimationFrame(() => this.#draw());
    this.#due = true;
  }

  #draw(): void {
    this.#due = false;
    const state = this.#state!;
    document.body.classList.add('ready');
    this.#head.update(state);
    for (const view of this.#views) view.update(state);
  }
}

themeSwitch(byId('theme'));
say(byId('connection'), 'connecting');
void new Page().start();
