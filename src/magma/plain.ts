import { shown, told } from '../operator/text.ts';

/** Bytes of UTF-8 (as a Latin-1 string), harmless already, as text. */
export function plain(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A name or path (bytes as a Latin-1 string) as text for a terminal, which obeys nothing in it: `shown` of the console. */
export function plainName(bytes: string): string {
  return plain(shown(bytes));
}

/** A text that came from elsewhere, on one line, for a terminal, which obeys nothing in it: `told` of the console. */
export function plainText(from: string): string {
  return plain(told(from));
}
