/** What an element may hold; what is missing is left out. Texts go in as texts, whatever is in them. */
export type Child = Node | string | number | null | undefined | false;

/** Attributes; false and undefined leave one out, true is an empty one. `on` are listeners. */
export interface Props {
  readonly [name: string]: string | number | boolean | undefined | Listeners;
}
type Listeners = { readonly [event: string]: (event: any) => void };

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element with attributes and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), props, children);
}

/** An SVG element with attributes and children. */
export function s<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS(SVG, tag) as SVGElementTagNameMap[Tag], props, children);
}

/** The element of the page with that id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** Has an element say that text; nothing is touched when it does so already. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute to that, or takes it away (null). */
export function attribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Children of an element that stand for items: those that stay keep their place in the document, and so the focus. */
export class KeyedList<Item> {
  readonly #parent: Element;
  readonly #make: (item: Item) => { readonly element: Element; update(item: Item): void };
  #shown = new Map<string, { readonly element: Element; update(item: Item): void }>();

  constructor(parent: Element, make: (item: Item) => { readonly element: Element; update(item: Item): void }) {
    this.#parent = parent;
    this.#make = make;
  }

  /** Shows these items in this order; keys are to differ. */
  show(items: readonly Item[], key: (item: Item) => string): void {
    const shown = new Map<string, { readonly element: Element; update(item: Item): void }>();
    for (const item of items) {
      const entry = this.#shown.get(key(item)) ?? this.#make(item);
      entry.update(item);
      shown.set(key(item), entry);
    }
    for (const [name, { element }] of this.#shown) if (!shown.has(name)) element.remove();
    let place = this.#parent.firstElementChild;
    for (const { element } of shown.values()) {
      if (element === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(element, place);
    }
    this.#shown = shown;
  }
}

function filled<Made extends Element>(element: Made, props: Props, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'object')
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      element.append(typeof child === 'number' ? String(child) : child);
  return element;
}
