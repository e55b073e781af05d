import type { LogLine } from '../api.ts';
import { byId, h, say } from './dom.ts';
import { clockTime, count } from './format.ts';
import { fieldsText, LEVELS, LogLines, levelName, passes } from './log-lines.ts';

/** The end of the log, with the newest line at the bottom, as in a terminal. */
export class LogView {
  readonly #lines = new LogLines();
  readonly #level = h(
    'select',
    { id: 'log-level', on: { change: () => this.#all() } },
    ...LEVELS.map(([level, name]) => h('option', { value: level }, name)),
  );
  readonly #filter = h('input', {
    type: 'search',
    id: 'log-filter',
    placeholder: 'Words',
    spellcheck: 'false',
    on: { input: () => this.#all() },
  });
  readonly #pause = h(
    'button',
    { type: 'button', 'aria-pressed': 'false', on: { click: () => this.#toggle() } },
    'Pause',
  );
  readonly #box = h('ol', { class: 'log', tabindex: 0, 'aria-label': 'The last lines of the log of this volcano' });
  readonly #note = h('p', { class: 'quiet small num' });
  #waiting: LogLine[] = [];
  #paused = false;
  #due = false;
  /** The end is looked at, and stays in sight. */
  #following = true;

  constructor() {
    this.#level.value = '30';
    byId('log')
      .querySelector('header')!
      .append(
        h('label', { class: 'choice' }, h('span', {}, 'Level'), this.#level),
        h('label', { class: 'choice' }, h('span', {}, 'Filter'), this.#filter),
        this.#pause,
      );
    byId('log').append(this.#box, this.#note);
    this.#box.addEventListener('scroll', () => {
      if (this.#box.clientHeight > 0) this.#following = this.#atEnd();
    });
    // While the page is not ready, nothing can be scrolled.
    new ResizeObserver(() => this.#follow()).observe(this.#box);
    this.#all();
  }

  add(line: LogLine): void {
    if (!this.#lines.add(line)) return;
    if (!this.#due) requestAnimationFrame(() => this.#flush());
    this.#due = true;
    this.#waiting.push(line);
  }

  #toggle(): void {
    this.#paused = !this.#paused;
    this.#pause.setAttribute('aria-pressed', String(this.#paused));
    say(this.#pause, this.#paused ? 'Go on' : 'Pause');
    if (!this.#paused) this.#all();
    this.#count();
  }

  #flush(): void {
    this.#due = false;
    if (this.#paused) {
      this.#waiting = this.#waiting.slice(-this.#lines.lines.length);
      this.#count();
      return;
    }
    const fresh = this.#waiting.filter((line) => this.#passes(line));
    this.#waiting = [];
    this.#box.querySelector('.empty')?.remove();
    this.#box.append(...fresh.map(drawn));
    while (this.#box.childElementCount > this.#lines.lines.length) this.#box.firstElementChild?.remove();
    this.#follow();
    this.#count();
  }

  #all(): void {
    this.#waiting = [];
    const lines = this.#lines.lines.filter((line) => this.#passes(line));
    this.#box.replaceChildren(...lines.map(drawn));
    this.#following = true;
    this.#follow();
    this.#count();
  }

  #follow(): void {
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #passes(line: LogLine): boolean {
    return passes(line, Number(this.#level.value), this.#filter.value);
  }

  #atEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.#box;
    return scrollTop + clientHeight >= scrollHeight - 24;
  }

  #count(): void {
    const all = this.#lines.lines.length;
    const seen = this.#box.querySelectorAll('.entry').length;
    if (seen === 0 && this.#box.childElementCount === 0)
      this.#box.append(h('li', { class: 'empty' }, all === 0 ? 'Nothing was logged yet.' : 'No line is like that.'));
    const waiting = this.#paused && this.#waiting.length > 0 ? `; ${count(this.#waiting.length)} new ones wait` : '';
    say(this.#note, all === 0 ? '' : `${count(seen)} of the last ${count(all)} lines${waiting}`);
  }
}

function drawn(line: LogLine): HTMLElement {
  const name = levelName(line.level);
  return h(
    'li',
    { class: `entry ${name}` },
    h('time', { class: 'num' }, clockTime(line.time)),
    h('span', { class: 'level' }, name),
    h('span', { class: 'room' }, line.room),
    h('span', { class: 'text' }, line.text, ' ', h('span', { class: 'fields' }, fieldsText(line.fields))),
  );
}
