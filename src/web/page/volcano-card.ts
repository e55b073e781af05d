import type { VolcanoState } from '../api.ts';
import { attribute, h, say } from './dom.ts';
import { bytes, count, duration, milliseconds, percent, rate, some } from './format.ts';
import { standing } from './health.ts';
import { SIGNS } from './ring-drawing.ts';
import { colourOf } from './ring-geometry.ts';

/** What a card shows. */
export interface VolcanoCard {
  readonly volcano: VolcanoState;
  readonly index: number;
  /** Of so many. */
  readonly of: number;
  readonly now: number;
  readonly pinned: boolean;
}

/** A volcano in words and figures. Its name is a button: pressed, its slices stay lit. */
export function volcanoCard(
  first: VolcanoCard,
  { over, pin }: { over(index: number | null): void; pin(id: string): void },
): { readonly element: HTMLElement; update(card: VolcanoCard): void } {
  const { id } = first.volcano;
  let index = first.index;
  const name = h('span', { class: 'name' });
  const swatch = h('i', { 'aria-hidden': 'true' });
  const button = h('button', { type: 'button', class: 'plain title', on: { click: () => pin(id) } }, swatch, name);
  const badges = h('span', { class: 'badges' });
  const pill = h('span');
  const address = h('p', { class: 'quiet address' });
  const load = h('b', { class: 'num' });
  const slices = h('b', { class: 'num' });
  const mirrors = h('b', { class: 'num' });
  const space = h('meter', { min: 0, max: 1, 'aria-label': 'Space that is used' });
  const free = h('span', { class: 'num' });
  const small = h('p', { class: 'quiet small num' });
  const troubles = h('ul', { class: 'troubles' });
  const element = h(
    'li',
    {
      class: 'volcano',
      on: {
        pointerenter: () => over(index),
        pointerleave: () => over(null),
        focusin: () => over(index),
        focusout: () => over(null),
      },
    },
    h('div', { class: 'line' }, h('h3', {}, button), pill),
    h('div', { class: 'line' }, address, badges),
    h(
      'ul',
      { class: 'facts' },
      h('li', {}, load, ' calls'),
      h('li', {}, slices, ' slices'),
      h('li', {}, mirrors, ' mirrored'),
    ),
    h('div', { class: 'space' }, space, free),
    small,
    troubles,
  );
  return {
    element,
    update(card) {
      const { volcano, now, pinned } = card;
      const { figures } = volcano;
      index = card.index;
      const { level, word, since } = standing(volcano, now);
      element.dataset.volcano = String(index);
      attribute(element, 'class', `volcano ${level}`);
      attribute(swatch, 'class', `swatch c${colourOf(index, card.of)}`);
      say(name, volcano.nickname);
      attribute(button, 'aria-pressed', String(pinned));
      button.title = `Light up the slices of ${volcano.nickname}`;
      attribute(pill, 'class', `pill ${level}`);
      say(pill, `${SIGNS[level]} ${word}${since === null ? '' : ` ${since}`}`);
      const own = [...(volcano.self ? ['this one'] : []), ...(volcano.arbiter ? ['keeps the maps'] : [])];
      say(badges, own.join(' · '));
      say(address, volcano.address === '' ? volcano.serverName : volcano.address);
      address.title = volcano.serverName;
      say(load, figures === null || volcano.away ? '–' : rate(figures.load));
      say(slices, count(volcano.slices));
      say(
        mirrors,
        volcano.filling > 0 ? `${count(volcano.mirrors)} + ${count(volcano.filling)}` : count(volcano.mirrors),
      );
      const capacity = figures?.capacityBytes ?? 0;
      space.value = capacity === 0 ? 0 : 1 - figures!.availableBytes / capacity;
      say(
        free,
        capacity === 0
          ? 'space not known'
          : `${bytes(figures!.availableBytes)} of ${bytes(capacity)} free (${percent((100 * figures!.availableBytes) / capacity)})`,
      );
      say(
        small,
        figures === null
          ? 'No figures of it were heard yet.'
          : [
              ...(volcano.away ? ['as last heard'] : []),
              some(figures.flares, 'flare'),
              `up ${duration(figures.uptimeSeconds * 1000)}`,
              `sync ${milliseconds(figures.syncMs)}`,
              ...(figures.lagRecords > 0 ? [`${some(figures.lagRecords, 'record')} behind`] : []),
            ].join(' · '),
      );
      const told = [
        ...volcano.warnings,
        ...(volcano.problem === null ? [] : [`Its clients and calls are not told: ${volcano.problem}`]),
      ];
      if (told.join('\n') !== troubles.dataset.told) {
        troubles.dataset.told = told.join('\n');
        troubles.replaceChildren(...told.map((text) => h('li', {}, text)));
      }
      troubles.hidden = told.length === 0;
    },
  };
}
