import type { State, VolcanoState } from '../api.ts';
import { s } from './dom.ts';
import { count, percent, rate, some } from './format.ts';
import { standing } from './health.ts';
import { annulus, colourOf, middleOf, type Piece, pieces, point } from './ring-geometry.ts';

/** Signs of health, so that colour does not say it alone. */
export const SIGNS = { good: '●', warn: '▲', bad: '✕' } as const;
/** Volcanos whose names fit around a ring. */
export const LABELS_MAX = 14;

/** The ring as a picture of that width. */
export function drawing(state: State, width: number, over: (volcano: number | null) => void): SVGSVGElement {
  const side = Math.min(126, width * 0.29);
  const radius = Math.max(56, Math.min(200, width / 2 - side));
  const all = pieces(state.runs, state.copies);
  const places = placed(state, all, radius, width);
  const beside = state.volcanos.flatMap((volcano, index) =>
    state.volcanos.length <= LABELS_MAX && places.every((place) => place.index !== index) ? [{ volcano, index }] : [],
  );
  const above = places.some(({ middle, y }) => middle && y < 0) ? 48 : 8;
  const below = (places.some(({ middle, y }) => middle && y > 0) ? 52 : 8) + beside.length * 24;
  const height = radius * 2 + above + below;
  const label = `The ring: ${some(state.volcanos.length, 'volcano')}, ${some(state.slices, 'slice')}. The table below says the same in words.`;
  return s(
    'svg',
    {
      class: 'ring',
      width,
      height,
      viewBox: `${-width / 2} ${-radius - above} ${width} ${height}`,
      role: 'img',
      'aria-label': label,
    },
    patterns(),
    s('g', {}, ...all.map((piece) => drawn(piece, state, radius, over))),
    s('g', { class: 'labels' }, ...places.map((place) => labelled(place, state))),
    ...beside.map(({ volcano, index }, place) => {
      const { level, word } = standing(volcano, state.now);
      const y = radius + below - beside.length * 24 + place * 24 + 14;
      const text = s('text', { class: `label ${level}`, 'data-volcano': index, 'text-anchor': 'middle', y });
      const room = width - 150;
      text.append(
        s('tspan', { class: 'sign' }, `${SIGNS[level]} `),
        s('tspan', { class: 'name' }, fitted(volcano.nickname, room)),
        s('tspan', { class: 'second' }, ` ${level === 'good' ? 'no slices' : word}`),
      );
      return text;
    }),
    middle(state, radius),
  );
}

function patterns(): SVGElement {
  const hatch = (id: string, colour: string, d: string): SVGElement =>
    s(
      'pattern',
      { id, class: colour, width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      s('rect', { class: 'under', width: 7, height: 7 }),
      s('path', { class: 'stripe', d }),
    );
  const filling = Array.from({ length: 8 }, (_, colour) => hatch(`filling-${colour}`, `c${colour}`, 'M1.5 0V7'));
  return s('defs', {}, ...filling, hatch('dead', 'dead', 'M0 0H7M0 0V7'));
}

function drawn(piece: Piece, state: State, radius: number, over: (volcano: number | null) => void): SVGElement {
  const { volcano, kind, level, first, count: many } = piece;
  const outer = level === 0 ? radius : radius * (0.74 - (level - 1) * 0.125);
  const inner = outer - radius * (level === 0 ? 0.22 : 0.1);
  const d = annulus(inner, outer, first / state.slices, (first + many) / state.slices);
  if (kind === 'missing')
    return s(
      'path',
      { class: 'piece missing', 'fill-rule': 'evenodd', d },
      s('title', {}, `No copy of ${some(many, 'slice')} from ${first}`),
    );
  const colour = colourOf(volcano, state.volcanos.length);
  const away = state.volcanos[volcano]?.away === true;
  const path = s('path', {
    class: `piece ${kind} c${colour}${away ? ' away' : ''}`,
    'data-volcano': volcano,
    'fill-rule': 'evenodd',
    d,
    on: { pointerenter: () => over(volcano), pointerleave: () => over(null) },
  });
  if (away) path.setAttribute('fill', 'url(#dead)');
  else if (kind === 'filling') path.setAttribute('fill', `url(#filling-${colour})`);
  const role = { primary: 'answers for', mirror: 'mirrors', filling: 'is being filled with' }[kind];
  const name = state.volcanos[volcano]?.nickname ?? '?';
  path.append(s('title', {}, `${name} ${role} ${some(many, 'slice')} from ${first}${away ? ' (away)' : ''}`));
  return path;
}

/** Where a volcano's name stands. */
interface Place {
  readonly volcano: VolcanoState;
  readonly index: number;
  readonly x: number;
  readonly y: number;
  /** Above or below the ring. */
  readonly middle: boolean;
  readonly room: number;
}

function placed(state: State, all: readonly Piece[], radius: number, width: number): Place[] {
  if (state.volcanos.length > LABELS_MAX) return [];
  return state.volcanos.flatMap((volcano, index) => {
    const turn = middleOf(all, index, state.slices);
    if (turn === null) return [];
    const [x, y] = point(radius + 14, turn);
    const middle = Math.abs(x) < 12;
    return [{ volcano, index, x, y, middle, room: middle ? width : width / 2 - Math.abs(x) }];
  });
}

function labelled({ volcano, index, x, y, middle, room }: Place, { now }: State): SVGElement {
  const anchor = middle ? 'middle' : x > 0 ? 'start' : 'end';
  const { level, word } = standing(volcano, now);
  const lift = middle ? (y < 0 ? -18 : 12) : -4;
  const second = level === 'bad' ? word : facts(volcano, room);
  return s(
    'g',
    { class: `label ${level}`, 'data-volcano': index, transform: `translate(${x} ${y + lift})` },
    s(
      'text',
      { 'text-anchor': anchor },
      s('tspan', { class: 'sign' }, `${SIGNS[level]} `),
      s('tspan', { class: 'name' }, fitted(volcano.nickname, room - 18)),
    ),
    s('text', { class: 'second', y: 17, 'text-anchor': anchor }, second),
  );
}

function facts({ figures }: VolcanoState, room: number): string {
  if (figures === null) return 'no figures yet';
  const load = rate(figures.load);
  const free = figures.capacityBytes === 0 ? '' : percent((100 * figures.availableBytes) / figures.capacityBytes);
  return room > 118 && free !== '' ? `${load}, ${free} free` : load;
}

/** A name cut to some pixels, of about 7.8 a letter. */
function fitted(name: string, room: number): string {
  const most = Math.max(3, Math.floor(room / 7.8));
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

function middle(state: State, radius: number): SVGElement {
  const single = state.copies > 1 && state.singleCopies > 0;
  const lines = single
    ? [count(state.singleCopies), 'SINGLE COPY']
    : [count(state.copies), state.copies === 1 ? 'copy' : 'copies'];
  const size = Math.max(20, radius * 0.22);
  // In a small ring two words stand below each other.
  const words = radius < 90 ? lines[1]!.split(' ') : [lines[1]!];
  const big = size * 0.15 - (words.length - 1) * 8;
  return s(
    'g',
    { class: single ? 'middle bad' : 'middle', 'aria-hidden': 'true' },
    s('text', { class: 'big', 'font-size': size, 'text-anchor': 'middle', y: big }, lines[0]),
    ...words.map((word, index) =>
      s('text', { class: 'small', 'text-anchor': 'middle', y: big + 18 + index * 15 }, word),
    ),
  );
}
