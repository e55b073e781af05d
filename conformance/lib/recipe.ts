import { readFileSync } from 'node:fs';

/** The blocks of a page in docs/ that begin with a comment of that name, without it. Throws when there is none. */
export function blockOf(page: string, name: string): string {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  for (const [, block] of text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)) {
    const [first, ...rest] = block!.split('\n');
    if (first === `# ${name}`) return rest.join('\n');
  }
  throw new Error(`docs/${page} has no block "# ${name}"`);
}
