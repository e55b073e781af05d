import { UsageError } from './usage-error.ts';

const WORDS_MAX = 20;

/** Flags as `parse` reads them. Throws `UsageError` for one that is not known. */
export function parsedFlags<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Cure: see --help`);
  }
}

/** The number that a flag gives. Throws `UsageError` when it is none, or out of bounds. */
export function numberOf(flag: string, text: string, low: number, high: number, whole: boolean): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`--${flag} ${text}: a ${whole ? 'whole ' : ''}number from ${low} to ${high} is needed`);
}

/** The items of a flag that gives several, each once. Throws `UsageError`. */
export function listOf(flag: string, text: string, most: number): string[] {
  const items = text.split(',');
  if (items.includes(''))
    throw new UsageError(`--${flag} ${text}: an item is empty. Cure: words with one comma between them`);
  if (items.length > most) throw new UsageError(`--${flag}: ${items.length} items are too many: at most ${most}`);
  return [...new Set(items)];
}

/** The same, of known words. */
export function wordsOf(flag: string, text: string, known: readonly string[]): string[] {
  const words = listOf(flag, text, WORDS_MAX);
  for (const word of words) {
    if (!known.includes(word))
      throw new UsageError(`--${flag}: '${word}' is not known. Cure: choose from ${known.join(', ')}`);
  }
  return words;
}
