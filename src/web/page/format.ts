/** Thin, and no place for the end of a line: between groups of digits. */
const GROUP = '\u202f';
/** Between a number and its unit. */
const SPACE = '\u00a0';

/** A whole number in groups of three digits. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, GROUP);
}

/** A number with as many digits as it deserves: 3 of them, or all before the point. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return count(value);
  return String(Number(value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3)));
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Bytes in the largest unit that they fill. */
export function bytes(value: number): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)}${SPACE}${BYTE_UNITS[unit]}`;
}

/** So many a second. */
export function rate(value: number | null): string {
  if (value === null) return '–';
  return `${short(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))}/s`;
}

/** Milliseconds as a time that people read. */
export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  if (value >= 1000) return `${short(value / 1000)}${SPACE}s`;
  return value < 1 ? `${short(value * 1000)}${SPACE}µs` : `${short(value)}${SPACE}ms`;
}

const AGES: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
];

/** A length of time in whole units, the largest two at most; in milliseconds. */
export function duration(value: number): string {
  const seconds = Math.max(0, Math.round(value / 1000));
  for (const [index, [size, name]] of AGES.entries()) {
    if (seconds < size) continue;
    const whole = `${Math.floor(seconds / size)}${SPACE}${name}`;
    const [next, nextName] = AGES[index + 1] ?? [1, 's'];
    const rest = Math.floor((seconds % size) / next);
    return rest === 0 ? whole : `${whole} ${rest}${SPACE}${nextName}`;
  }
  return `${seconds}${SPACE}s`;
}

/** A share of all, in percent, without pretending to know better. */
export function percent(value: number): string {
  return `${value === 0 ? '0' : value < 0.1 ? '<0.1' : short(Math.round(value * 10) / 10)}${SPACE}%`;
}

/** What a client's network loses: two digits after the point, as the log tells it. */
export function loss(value: number): string {
  return `${String(Math.round(value * 100) / 100)}${SPACE}%`;
}

const TYPES: Readonly<Record<string, string>> = {
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  block: 'b',
  char: 'c',
};

/** Kind and permission bits as `ls -l` writes them. */
export function mode(kind: string, bits: number): string {
  const letters = ['r', 'w', 'x'];
  const special: readonly (readonly [number, number, string])[] = [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ];
  const shown = Array.from({ length: 9 }, (_, index) => (bits & (0o400 >> index) ? letters[index % 3]! : '-'));
  for (const [bit, place, letter] of special)
    if (bits & bit) shown[place] = shown[place] === 'x' ? letter : letter.toUpperCase();
  return (TYPES[kind] ?? '-') + shown.join('');
}

/** A moment by this machine's clock and zone, to the second; the day alone is left out when it is today. */
export function moment(time: number, now: number): string {
  const at = new Date(time);
  const clock = clockTime(time);
  const today = new Date(now);
  return at.toDateString() === today.toDateString() ? clock : `${day(at)} ${clock}`;
}

/** Day, hour and minute of a file. */
export function fileTime(time: number): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? '–' : `${day(at)} ${clockTime(time).slice(0, 5)}`;
}

/** Hours, minutes and seconds. */
export function clockTime(time: number): string {
  const at = new Date(time);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
}

/** `1 slice`, `2 slices`. */
export function some(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

function day(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
