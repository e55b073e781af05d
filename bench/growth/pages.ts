import type { LoadResult } from '../generator.ts';
import type { Verdict } from '../verdict.ts';
import type { Volcano } from '../volcano.ts';
import { allWell, LARGE } from './directories.ts';

/** Pages measured at each place, at most: fewer than the server keeps of those that it has sent. */
const PAGES_MAX = 200;
/** How much dearer a page may be than one at the start, to be called flat. */
const FLAT = 1.5;

async function walk(volcano: Volcano, cookie: number, pages: number): Promise<LoadResult> {
  const args = ['--op', 'readdir', '--in', LARGE, '--cookie', String(cookie), '--calls', String(pages)];
  return allWell(await volcano.load([...args, '--proto', 'tcp']), 'READDIR');
}

/** Makes and removes a name: no page that was kept holds any more. */
async function touch(volcano: Volcano, entries: number): Promise<void> {
  const name = ['--in', LARGE, '--first', String(entries), '--calls', '4'];
  for (const op of ['create', 'remove']) allWell(await volcano.load(['--op', op, ...name, '--proto', 'tcp']), op);
}

/** What a page of the large directory costs at its start, in its middle, at its end: listed anew, and asked for again. */
export async function comparePages(volcano: Volcano, entries: number): Promise<Verdict[]> {
  const whole = await walk(volcano, 0, 2 ** 31);
  const pages = whole.ops + 1;
  const some = Math.min(PAGES_MAX, Math.floor(pages / 4));
  const listed = whole.walk!.entries - 2;
  if (listed !== entries) throw new Error(`READDIR listed ${listed} entries of ${entries}`);
  // Cookies are the server's own, so the way to one is to walk there.
  const middle = (await walk(volcano, 0, Math.floor((pages - some) / 2))).walk!.cookie;
  const end = (await walk(volcano, middle, Math.ceil((pages - some) / 2) - 2)).walk!.cookie;
  const verdicts: Verdict[] = [
    { what: 'READDIR of all, one page after the other', figure: whole.serverCpu ?? Number.NaN, unit: 'CPU us a page' },
    { what: 'the longest of these pages', figure: whole.max / 1000, unit: 'ms' },
  ];
  const first: { cold?: number; warm?: number } = {};
  for (const [place, cookie] of [
    ['start', 0],
    ['middle', middle],
    ['end', end],
  ] as const) {
    await touch(volcano, entries);
    for (const kind of ['cold', 'warm'] as const) {
      const { serverCpu } = await walk(volcano, cookie, some);
      const cost = serverCpu ?? Number.NaN;
      first[kind] ??= cost;
      const what = `READDIR, ${kind}, at the ${place}`;
      verdicts.push({ what, figure: cost, unit: 'CPU us a page' });
      if (place !== 'start') {
        verdicts.push({ what, figure: cost / first[kind], unit: "of the start's", target: { most: FLAT } });
      }
    }
  }
  return verdicts;
}
