import { type ApiClient, RequestError } from './api-client.ts';
import { below, bytesOf, nameFault, shown } from './bytes.ts';
import { ask } from './dialogs.ts';
import { h, say } from './dom.ts';
import { bytes, percent } from './format.ts';

/** Uploads that are done and still shown. */
const DONE_SHOWN = 5;

interface Waiting {
  readonly directory: string;
  readonly file: File;
  readonly stop: AbortController;
  readonly bar: HTMLProgressElement;
  readonly text: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly element: HTMLElement;
}

/** Files on their way to the volcano, one after the other. */
export class Uploads {
  readonly element = h('ul', { class: 'uploads', 'aria-label': 'Uploads', hidden: true });
  readonly #api: ApiClient;
  readonly #arrived: (directory: string) => void;
  readonly #waiting: Waiting[] = [];
  #busy = false;

  constructor(api: ApiClient, arrived: (directory: string) => void) {
    this.#api = api;
    this.#arrived = arrived;
    // The browser asks whether to leave.
    addEventListener('beforeunload', (event) => {
      if (this.#busy) event.preventDefault();
    });
  }

  add(directory: string, files: readonly File[]): void {
    for (const file of files) {
      const stop = new AbortController();
      const name = shown(bytesOf(file.name));
      const bar = h('progress', { max: 1, value: 0, 'aria-label': `Upload of ${name}` });
      const text = h('span', { class: 'quiet num', role: 'status' }, 'waits');
      const button = h(
        'button',
        { type: 'button', class: 'plain', 'aria-label': `Stop the upload of ${name}` },
        'Stop',
      );
      const element = h('li', {}, h('span', { class: 'name' }, name), bar, text, button);
      const one = { directory, file, stop, bar, text, button, element };
      button.addEventListener('click', () => {
        stop.abort();
        element.remove();
        this.element.hidden = this.element.childElementCount === 0;
      });
      this.element.append(element);
      this.#waiting.push(one);
    }
    this.element.hidden = this.element.childElementCount === 0;
    void this.#go();
  }

  async #go(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift()) {
      if (one.stop.signal.aborted) continue;
      const problem = await this.#send(one);
      say(one.button, 'Dismiss');
      one.button.setAttribute('aria-label', `Dismiss ${shown(bytesOf(one.file.name))}`);
      one.element.classList.add(problem === null ? 'done' : 'failed');
      say(one.text, problem ?? `${bytes(one.file.size)}, done`);
      if (problem === null) this.#arrived(one.directory);
      const done = this.element.querySelectorAll('.done');
      if (done.length > DONE_SHOWN) done[0]!.remove();
    }
    this.#busy = false;
  }

  async #send({ directory, file, stop, bar, text }: Waiting): Promise<string | null> {
    const fault = nameFault(file.name);
    if (fault !== null) return fault;
    const path = below(directory, bytesOf(file.name));
    const progress = (sent: number, of: number): void => {
      bar.value = of === 0 ? 1 : sent / of;
      say(text, `${bytes(sent)} of ${bytes(of)} (${percent(of === 0 ? 100 : (100 * sent) / of)})`);
    };
    for (const replace of [false, true]) {
      try {
        await this.#api.upload(path, file, replace, progress, stop.signal);
        bar.value = 1;
        return null;
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        if (error.status !== 409 || replace) return error.message;
        const name = shown(bytesOf(file.name));
        const title = `Replace “${name}”?`;
        const words = 'A file of this name is there already. What it holds now will be gone.';
        if (!(await ask({ title, text: words, action: 'Replace', danger: true }))) return 'It stays as it was.';
      }
    }
    return null;
  }
}
