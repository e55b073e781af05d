import { h } from './dom.ts';

/** What a dialog asks. */
export interface Question {
  readonly title: string;
  readonly text?: string;
  /** What the button says that does it. */
  readonly action: string;
  /** It destroys something. */
  readonly danger?: boolean;
}

/** A line that is typed into a dialog. */
export interface Line {
  readonly label: string;
  readonly kind: 'text' | 'password';
  /** Why it will not do; null when it will. May go on to do it: the dialog stays while it is at it. */
  readonly fault: (value: string) => string | null | Promise<string | null>;
  /** It cannot be left without. */
  readonly must?: boolean;
}

let made = 0;

/** Asks whether to do it; the focus goes back to where it was. */
export function ask(question: Question): Promise<boolean> {
  return opened(question, null).then((value) => value !== null);
}

/** Asks for a line; null when nobody wants to any more. */
export function askLine(question: Question, line: Line): Promise<string | null> {
  return opened(question, line);
}

function opened({ title, text, action, danger }: Question, line: Line | null): Promise<string | null> {
  const id = `dialog-${++made}`;
  const must = line?.must === true;
  const input =
    line === null
      ? null
      : h('input', {
          type: line.kind,
          id: `${id}-line`,
          autocomplete: line.kind === 'password' ? 'current-password' : 'off',
          spellcheck: 'false',
          autocapitalize: 'off',
          'aria-describedby': `${id}-fault`,
          maxlength: 1024,
        });
  const fault = h('p', { id: `${id}-fault`, class: 'fault', role: 'alert' });
  const cancel = h('button', { type: 'button' }, 'Cancel');
  const go = h('button', { type: 'submit', class: danger === true ? 'danger' : 'primary' }, action);
  const form = h(
    'form',
    { method: 'dialog' },
    h('h2', { id: `${id}-title` }, title),
    text !== undefined && h('p', { id: `${id}-text`, class: 'words' }, text),
    // Managers of passwords want a name to keep one under.
    line?.kind === 'password' &&
      h('input', { type: 'text', autocomplete: 'username', value: 'operator', hidden: true }),
    line !== null && h('label', { for: `${id}-line` }, line.label),
    input,
    fault,
    h('div', { class: 'buttons' }, must ? null : cancel, go),
  );
  const dialog = h(
    'dialog',
    { 'aria-labelledby': `${id}-title`, ...(text === undefined ? {} : { 'aria-describedby': `${id}-text` }) },
    form,
  );
  return new Promise((resolve) => {
    let answer: string | null = null;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const value = input?.value ?? '';
      go.disabled = true;
      const wrong = line === null ? null : await line.fault(value);
      go.disabled = false;
      fault.textContent = wrong ?? '';
      if (wrong !== null) {
        input?.focus();
        input?.select();
        return;
      }
      answer = value;
      dialog.close();
    });
    cancel.addEventListener('click', () => dialog.close());
    // The second press of Escape would not ask any more.
    dialog.addEventListener('keydown', (event) => {
      if (must && event.key === 'Escape') event.preventDefault();
    });
    dialog.addEventListener('cancel', (event) => {
      if (must) event.preventDefault();
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    if (danger === true) cancel.focus();
    else (input ?? go).focus();
  });
}
