import { readFileSync } from 'node:fs';

/** The version of this package: what `--version` prints and the log says. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
