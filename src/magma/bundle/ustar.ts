/** A file of an archive. */
export interface ArchiveEntry {
  /** Relative, ASCII, at most `ENTRY_NAME_MAX` characters. */
  readonly name: string;
  readonly content: Buffer;
}

/** The longest name of an entry: the name field of a ustar header (POSIX.1-1988, IEEE Std 1003.1 "pax", ustar interchange format). */
export const ENTRY_NAME_MAX = 100;
/** The largest entry, in bytes: eleven octal digits. */
const SIZE_MAX = 8 ** 11 - 1;
const BLOCK = 512;
const FILE_MODE = 0o600;

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

function header({ name, content }: ArchiveEntry, modified: number): Buffer {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > ENTRY_NAME_MAX || name.startsWith('/'))
    throw new RangeError(`"${name}" is no name of an entry`);
  if (content.length > SIZE_MAX) throw new RangeError(`${name} has ${content.length} bytes`);
  const block = Buffer.alloc(BLOCK);
  const fields: readonly (readonly [at: number, text: string])[] = [
    [0, name],
    [100, octal(FILE_MODE, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(content.length, 11)],
    [136, octal(modified, 11)],
    // The checksum counts as spaces while it is reckoned.
    [148, ' '.repeat(8)],
    [156, '0'],
    [257, 'ustar\x0000'],
    [265, 'root'],
    [297, 'root'],
    [329, octal(0, 7)],
    [337, octal(0, 7)],
  ];
  for (const [at, text] of fields) block.write(text, at, 'latin1');
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${octal(sum, 6)} `, 148, 'latin1');
  return block;
}

/** A ustar archive of files that only their owner may read, last changed at that second since 1970. RangeError for a name or a size that it cannot have. */
export function ustar(entries: readonly ArchiveEntry[], modified: number): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    parts.push(header(entry, modified), entry.content);
    const rest = entry.content.length % BLOCK;
    if (rest > 0) parts.push(Buffer.alloc(BLOCK - rest));
  }
  // Two blocks of zeros are the end.
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
