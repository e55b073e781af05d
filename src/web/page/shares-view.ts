import type { ShareState, State } from '../api.ts';
import { shownPath } from './bytes.ts';
import { byId, h } from './dom.ts';
import { ruleWords } from './rule-words.ts';

/** What is shared, with whom. */
export class SharesView {
  readonly #list = h('ul', { class: 'shares' });
  readonly #empty = h('p', { class: 'empty' }, 'Nothing is shared: no rule lets anybody in.');
  #shown = '';

  constructor() {
    byId('shares').append(this.#empty, this.#list);
  }

  update({ shares, volcanos }: State): void {
    const told = JSON.stringify([shares, volcanos.length]);
    if (told === this.#shown) return;
    this.#shown = told;
    const telling = volcanos.filter(({ problem }) => problem === null).length;
    this.#empty.hidden = shares.length > 0;
    this.#list.replaceChildren(...shares.map((share) => drawn(share, telling)));
  }
}

function drawn({ path, rules, volcanos }: ShareState, telling: number): HTMLElement {
  const name = shownPath(path);
  const only = volcanos.length < telling ? `only on ${volcanos.join(', ')}` : '';
  return h(
    'li',
    { class: 'share' },
    h('div', { class: 'line' }, h('h3', { class: 'mono' }, name), h('span', { class: 'quiet small' }, only)),
    h('ul', { class: 'rules' }, ...rules.map((rule) => inWords(rule, name))),
  );
}

function inWords(rule: string, share: string): HTMLElement {
  const words = ruleWords(rule);
  if (words === null) return h('li', {}, h('code', {}, rule));
  const { path, who, may, further } = words;
  return h(
    'li',
    { title: rule },
    path !== share && h('code', {}, `${path}: `),
    h('b', {}, who),
    ` ${may}`,
    further.length > 0 && h('span', { class: 'quiet' }, `; ${further.join('; ')}`),
  );
}
