/*
 * What is asked of a page in the browser: each is sent there as its text, so it may use nothing from outside of itself.
 */

/** How far the page is wider than the window, in pixels, and what sticks out. */
export function overflow(): { readonly pixels: number; readonly what: string[] } {
  const pixels = document.documentElement.scrollWidth - innerWidth;
  const wide = [...document.querySelectorAll('body *')].filter(
    (element) => element.getBoundingClientRect().right > innerWidth + 1 && element.closest('.scroll, nav') === null,
  );
  return { pixels, what: pixels > 0 ? wide.slice(-5).map((element) => element.outerHTML.slice(0, 100)) : [] };
}

/** Texts whose contrast to what is behind them is too low (WCAG 2.1, 1.4.3), and how many texts were looked at. */
export function lowContrast(): { readonly texts: number; readonly low: string[] } {
  type Colour = readonly [number, number, number, number];
  const parse = (text: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const over = (top: Colour, below: Colour): Colour => {
    const mix = (index: 0 | 1 | 2): number => top[index] * top[3] + below[index] * (1 - top[3]);
    return [mix(0), mix(1), mix(2), 1];
  };
  const light = (colour: Colour): number => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): Colour => {
    if (element === null) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const low: string[] = [];
  let texts = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim() !== '',
    );
    if (!own || !element.checkVisibility() || element.matches('.unseen, option, title, [aria-disabled="true"]'))
      continue;
    if (element.closest('.unseen, noscript') !== null) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const below = behind(element);
    const front = over(parse(element instanceof SVGElement ? style.fill : style.color), below);
    const [one, other] = [light(front), light(below)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);
  }
  return { texts, low };
}

/** What has the focus: in a word, and whether that is seen. */
export function focused(): { readonly what: string; readonly seen: boolean } {
  const element = document.activeElement;
  if (element === null || element === document.body) return { what: '', seen: false };
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const outlined = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2;
  const within = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  const name = element.getAttribute('aria-label') ?? element.textContent ?? '';
  return {
    what: `${element.tagName.toLowerCase()}#${element.id} ${name.trim().slice(0, 80)}`,
    seen: outlined && within,
  };
}
