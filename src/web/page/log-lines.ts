import type { LogLine } from '../api.ts';

/** Lines that are kept. */
export const LINES_KEPT = 500;

/** Levels of pino that can be chosen, and what they are called. */
export const LEVELS: readonly (readonly [number, string])[] = [
  [10, 'everything'],
  [20, 'debug and worse'],
  [30, 'info and worse'],
  [40, 'warnings and errors'],
  [50, 'errors'],
];

/** What a level is called in a line. */
export function levelName(level: number): string {
  if (level >= 60) return 'fatal';
  if (level >= 50) return 'error';
  if (level >= 40) return 'warn';
  if (level >= 30) return 'info';
  return level >= 20 ? 'debug' : 'trace';
}

/** The last lines, each once: after a new connection some come again. */
export class LogLines {
  #lines: LogLine[] = [];
  #keys = new Set<string>();

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** False: it is there already. */
  add(line: LogLine): boolean {
    const key = keyOf(line);
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#keys.delete(keyOf(this.#lines.shift()!));
    return true;
  }
}

/** A line's other fields as `name=value`. */
export function fieldsText(fields: LogLine['fields']): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

/** The line is at that level or worse, and each word of the filter stands in it. */
export function passes(line: LogLine, level: number, filter: string): boolean {
  if (line.level < level) return false;
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return true;
  const text = `${line.room} ${line.text} ${fieldsText(line.fields)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function keyOf({ time, level, room, text, fields }: LogLine): string {
  return JSON.stringify([time, level, room, text, fields]);
}
