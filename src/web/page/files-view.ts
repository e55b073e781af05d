import type { FileState, SessionState } from '../api.ts';
import { type ApiClient, RequestError } from './api-client.ts';
import { below, bytesOf, crumbs, decoded, encoded, nameFault, shown } from './bytes.ts';
import { ask, askLine } from './dialogs.ts';
import { attribute, byId, h, say } from './dom.ts';
import { type FileKey, sortedFiles } from './files.ts';
import { bytes, count, fileTime, mode, some } from './format.ts';
import { Table } from './table.ts';
import { Uploads } from './uploads.ts';

/** Rows that are drawn of a directory; the further ones by a press. */
export const FILES_PAGE = 200;
/** Where the page is in the tree, in its address. */
const PREFIX = '#files:';

/** The tree: looked at, downloaded from and, where that may be, changed. */
export class FilesView {
  readonly #api: ApiClient;
  readonly #uploads: Uploads;
  readonly #crumbs = h('ol', { class: 'crumbs' });
  readonly #tools = h('div', { class: 'buttons' });
  readonly #hint = h('p', { class: 'quiet small', hidden: true }, 'Log in to change files.');
  readonly #problem = h('p', { class: 'banner bad', role: 'alert', hidden: true });
  readonly #empty = h('p', { class: 'empty' });
  readonly #more = h('button', { type: 'button', on: { click: () => this.#further() } }, 'Show more');
  readonly #note = h('p', { class: 'quiet small num' });
  readonly #table = new Table<FileKey>(
    'Files',
    [
      { title: 'Name', key: 'name' },
      { title: 'Size', key: 'size', numeric: true },
      { title: 'Changed', key: 'modified' },
      { title: 'Mode', key: 'mode' },
      { title: 'Owner' },
      { title: '' },
    ],
    { first: { by: 'name', down: false }, down: ['size', 'modified'], changed: () => this.#draw() },
    'files',
  );
  #path = '/';
  #files: FileState[] = [];
  #next: string | null = null;
  #rows = FILES_PAGE;
  #mayChange = false;
  #asked = 0;

  constructor(api: ApiClient) {
    this.#api = api;
    const input = h('input', { type: 'file', multiple: true, hidden: true, tabindex: -1, 'aria-hidden': 'true' });
    input.addEventListener('change', () => {
      this.#uploads.add(this.#path, [...(input.files ?? [])]);
      input.value = '';
    });
    this.#uploads = new Uploads(api, (path) => {
      if (path === this.#path) void this.#load();
    });
    this.#tools.append(
      h(
        'button',
        { type: 'button', id: 'files-upload', class: 'primary', on: { click: () => input.click() } },
        'Upload files',
      ),
      h(
        'button',
        { type: 'button', id: 'files-directory', on: { click: () => this.#makeDirectory() } },
        'New directory',
      ),
      input,
    );
    const section = byId('files');
    section.querySelector('header')!.append(this.#tools, this.#hint);
    const tree = h('nav', { 'aria-label': 'Where in the tree' }, this.#crumbs);
    section.append(
      tree,
      this.#problem,
      this.#uploads.element,
      this.#empty,
      this.#table.element,
      this.#more,
      this.#note,
    );
    this.#drops(section);
    addEventListener('hashchange', () => this.#follow());
  }

  /** Begins, when there is a session; again when what may be done is another. */
  start({ may, key }: SessionState): void {
    const mayChange = may === 'change';
    this.#mayChange = mayChange;
    this.#hint.hidden = mayChange || !key;
    this.#tools.hidden = !mayChange;
    this.#path = pathOf(location.hash) ?? '/';
    void this.#load();
    if (pathOf(location.hash) !== null) byId('files').scrollIntoView();
  }

  #follow(): void {
    const path = pathOf(location.hash);
    if (path === null || path === this.#path) return;
    this.#path = path;
    void this.#load().then(() => this.#crumbs.querySelector<HTMLElement>('[aria-current]')?.focus());
  }

  async #load(): Promise<void> {
    const asked = ++this.#asked;
    const path = this.#path;
    try {
      const { entries, next } = await this.#api.list(path, null);
      if (asked !== this.#asked) return;
      this.#files = [...entries];
      this.#next = next;
      this.#rows = FILES_PAGE;
      this.#tell(null);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#files = [];
      this.#next = null;
      this.#tell(error);
    }
    this.#draw();
  }

  async #further(): Promise<void> {
    this.#rows += FILES_PAGE;
    if (this.#next !== null && this.#rows > this.#files.length) {
      const asked = ++this.#asked;
      try {
        const { entries, next } = await this.#api.list(this.#path, encoded(decoded(this.#next)));
        if (asked !== this.#asked) return;
        this.#files.push(...entries);
        this.#next = next;
        this.#tell(null);
      } catch (error) {
        this.#tell(error);
      }
    }
    this.#draw();
  }

  #draw(): void {
    const steps = crumbs(this.#path);
    this.#crumbs.replaceChildren(
      ...steps.map(({ name, path }, index) => {
        const last = index === steps.length - 1;
        return h('li', {}, h('a', { href: PREFIX + path, ...(last ? { 'aria-current': 'page' } : {}) }, name));
      }),
    );
    const { by, down } = this.#table.sorting!;
    const rows = sortedFiles(this.#files, by, down).slice(0, this.#rows);
    this.#table.body.replaceChildren(...rows.map((file) => this.#row(file)));
    this.#table.element.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0 || !this.#problem.hidden;
    say(this.#empty, this.#mayChange ? 'Nothing is here yet. Files can be dropped here.' : 'Nothing is here.');
    this.#more.hidden = this.#next === null && this.#files.length <= rows.length;
    const more = this.#next === null ? '' : ' so far';
    say(
      this.#note,
      rows.length === 0 ? '' : `${count(rows.length)} of ${some(this.#files.length, 'entry', 'entries')}${more}`,
    );
  }

  #row(file: FileState): HTMLElement {
    const name = decoded(file.name);
    const path = below(this.#path, name);
    const text = shown(name);
    const link =
      file.kind === 'directory'
        ? h('a', { href: PREFIX + path, class: 'directory' }, `${text}/`)
        : file.kind === 'file'
          ? h('a', { href: this.#api.download(path), download: true, title: `Download ${text}` }, text)
          : h('span', {}, text, h('span', { class: 'quiet' }, ` (${file.kind})`));
    const remove =
      this.#mayChange &&
      h(
        'button',
        {
          type: 'button',
          class: 'plain remove',
          'aria-label': `Delete ${text}`,
          on: { click: () => this.#remove(file, path, text) },
        },
        'Delete',
      );
    return this.#table.row(
      link,
      file.kind === 'directory' ? '' : bytes(file.size),
      h('time', { class: 'num' }, fileTime(file.modified)),
      h('span', { class: 'mono' }, mode(file.kind, file.mode)),
      h('span', { class: 'num' }, `${file.uid}:${file.gid}`),
      remove,
    );
  }

  async #remove(file: FileState, path: string, text: string): Promise<void> {
    const directory = file.kind === 'directory';
    const title = `Delete ${directory ? 'the directory ' : ''}“${text}”?`;
    const words = directory
      ? 'It is deleted on all volcanos, if it is empty.'
      : 'It is deleted on all volcanos and cannot be brought back.';
    if (!(await ask({ title, text: words, action: 'Delete', danger: true }))) return;
    await this.#change(() => this.#api.remove(path, directory));
    this.#crumbs.querySelector<HTMLElement>('[aria-current]')?.focus();
  }

  async #makeDirectory(): Promise<void> {
    await askLine(
      { title: 'New directory', action: 'Make it' },
      {
        label: 'Name',
        kind: 'text',
        fault: async (name) => {
          const fault = nameFault(name);
          if (fault !== null) return fault;
          try {
            await this.#api.makeDirectory(below(this.#path, bytesOf(name)));
            return null;
          } catch (error) {
            return wordsOf(error);
          }
        },
      },
    );
    await this.#load();
  }

  async #change(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      await this.#load();
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    this.#problem.hidden = error === null;
    say(this.#problem, error === null ? '' : wordsOf(error));
  }

  #dropped(items: readonly DataTransferItem[]): void {
    const files = items.filter(({ kind }) => kind === 'file');
    const plain = files.filter((item) => item.webkitGetAsEntry()?.isDirectory !== true);
    if (plain.length < files.length)
      this.#tell(new Error('A directory cannot be sent: make it here, and send the files that are in it.'));
    const sent = plain.map((item) => item.getAsFile()).filter((file) => file !== null);
    this.#uploads.add(this.#path, sent);
  }

  #drops(section: HTMLElement): void {
    const over = (event: DragEvent, yes: boolean): void => {
      if (!this.#mayChange || !event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      attribute(section, 'data-drop', yes ? 'yes' : null);
    };
    section.addEventListener('dragover', (event) => over(event, true));
    section.addEventListener('dragleave', (event) => over(event, section.contains(event.relatedTarget as Node | null)));
    section.addEventListener('drop', (event) => {
      over(event, false);
      if (this.#mayChange) this.#dropped([...(event.dataTransfer?.items ?? [])]);
    });
    // A file that is dropped beside it would take the place of the page.
    for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());
  }
}

/** The path in the page's address, percent-encoded; null: it is about something else. */
export function pathOf(hash: string): string | null {
  if (!hash.startsWith(PREFIX)) return null;
  const path = encoded(decoded(hash.slice(PREFIX.length)));
  return path.startsWith('/') ? path : null;
}

/** What went wrong, as a sentence. */
export function wordsOf(error: unknown): string {
  return error instanceof RequestError || error instanceof Error ? error.message : String(error);
}
