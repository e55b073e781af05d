const MASK = '***';

/** The command line as others may see it: without the key. Null when there is none on it. */
export function withoutKey(argv: readonly string[]): string[] | null {
  let found = false;
  const mask = (text: string): string => {
    found = true;
    return text + MASK;
  };
  const shown: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const joined = /^(--key=|-[a-zA-Z]*?k(?=.))/.exec(word);
    shown.push(joined !== null ? mask(joined[0]) : word);
    if ((word === '--key' || /^-[a-zA-Z]*k$/.test(word)) && at + 1 < argv.length) {
      shown.push(mask(''));
      at++;
    }
  }
  return found ? shown : null;
}
