import { say } from './dom.ts';

const NAMES = { auto: 'As the system', light: 'Light', dark: 'Dark' } as const;
type Theme = keyof typeof NAMES;
const ORDER: readonly Theme[] = ['auto', 'light', 'dark'];
const SIGNS: Readonly<Record<Theme, string>> = { auto: '◐', light: '☀', dark: '☾' };
const KEY = 'magma-theme';

/** Light, dark or as the system is, one after the other by the button, and remembered where the browser lets it. */
export function themeSwitch(button: HTMLElement): void {
  let theme = remembered();
  const show = (): void => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    say(button, SIGNS[theme]);
    const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!;
    button.setAttribute(
      'aria-label',
      `Colours: ${NAMES[theme].toLowerCase()}. Change to: ${NAMES[next].toLowerCase()}`,
    );
    button.title = `Colours: ${NAMES[theme].toLowerCase()}`;
  };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Not remembered then: some browsers keep nothing for a page.
    }
    show();
  });
  show();
}

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return ORDER.find((theme) => theme === kept) ?? 'auto';
  } catch {
    return 'auto';
  }
}
