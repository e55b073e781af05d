import { readFileSync } from 'node:fs';
import { charactersOf } from '../../operator/text.ts';

/*
 * Names are bytes, and words of a command line are too; Node decodes them. A byte that is no UTF-8 is kept as a lone surrogate, U+DC80 to U+DCFF (as Python's surrogateescape has
 * it), so that words stay strings and lose nothing.
 */

const FIRST = 0xdc00;
/** The word that bytes are. */
export function wordOf(bytes: Uint8Array): string {
  return charactersOf(Buffer.from(bytes).toString('latin1'))
    .map((one) =>
      one.length === 1 && one >= '\x80'
        ? String.fromCharCode(FIRST + one.charCodeAt(0))
        : Buffer.from(one, 'latin1').toString('utf8'),
    )
    .join('');
}

/** The bytes of a word. */
export function bytesOf(word: string): Buffer {
  const parts: Buffer[] = [];
  for (const one of word) {
    const code = one.charCodeAt(0);
    const isByte = one.length === 1 && code >= FIRST + 0x80 && code <= FIRST + 0xff;
    parts.push(isByte ? Buffer.from([code - FIRST]) : Buffer.from(one, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** The last words of this process's command line with their own bytes; as they are where the host does not tell. */
export function rawWords(words: readonly string[], read = () => readFileSync('/proc/self/cmdline')): readonly string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return words;
  let all: Buffer[];
  try {
    const bytes = read();
    all = [];
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(0, at);
      const stop = end < 0 ? bytes.length : end;
      all.push(bytes.subarray(at, stop));
      at = stop + 1;
    }
  } catch {
    return words;
  }
  const last = words.length === 0 ? [] : all.slice(-words.length);
  const same = last.length === words.length && last.every((one, at) => one.toString('utf8') === words[at]);
  return same ? last.map(wordOf) : words;
}
