import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PARTS } from './parts.ts';

/* `node man/build.ts` writes the manual pages anew: the text of `man/source`, with what the tables of flags and commands say. */

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The manual pages, by their file names, as they are to be. Throws when a source names a part that is none. */
export function pages(): Map<string, string> {
  const names = readdirSync(`${HERE}source`).sort();
  return new Map(names.map((name) => [name, pageOf(readFileSync(`${HERE}source/${name}`, 'utf8'), name)]));
}

function pageOf(source: string, name: string): string {
  const note = `.\\" Made by "node man/build.ts" from man/source/${name} and the tables of flags and commands.`;
  const lines = source.split('\n').flatMap((line) => {
    const [, part] = /^@([a-z-]+)@$/.exec(line) ?? [];
    if (part === undefined) return [line];
    const make = Object.hasOwn(PARTS, part) ? PARTS[part] : undefined;
    if (make === undefined) throw new Error(`man/source/${name}: there is no part ${part}`);
    return make();
  });
  return [note, ...lines].join('\n');
}

if (import.meta.main) for (const [name, text] of pages()) writeFileSync(`${HERE}${name}`, text);
