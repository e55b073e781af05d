import t from 'tap';
import { LONG } from '../../src/base/testing/seed.ts';
import type { MoveNote } from '../../src/dht/balance/moves.ts';
import { MOVE_PAUSE_MS_MIN } from '../../src/dht/balance/times.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { NumberedFiles } from './lib/files.ts';
import { at, magma, type RingVolcano, scratch, startVolcano, whole } from './lib/ring.ts';
import { soundOnline } from './lib/sound.ts';

/* Real processes: slices move to the volcano that has the most weight, under load, by `--balance-after` (docs/balance.md). */

const SECONDS = MOVE_PAUSE_MS_MIN / 1000;
/** Of the third one; the others have 1. */
const WEIGHT = 6;
/** Files that are read, and reads under way at a time. */
const FILES = 200;
const READERS = 4;

interface Told {
  readonly paused: boolean;
  readonly problems: readonly unknown[];
  readonly volcanos: readonly { readonly volcano: string; readonly settled: boolean; readonly reason: string }[];
  readonly moves: readonly MoveNote[];
}

/** All moves that `told` has been told of, as it was last. */
const moves = new Map<number, MoveNote>();

/** What `magma balance` says, asked again and again until that holds. */
async function told(asked: readonly string[], holds: (told: Told) => boolean): Promise<Told> {
  for (;;) {
    const { stdout } = await magma(['balance', '--json', ...asked]);
    const answer = JSON.parse(stdout) as Partial<Told>;
    for (const move of answer.moves ?? []) moves.set(move.at, move);
    if (answer.volcanos !== undefined && holds(answer as Told)) return answer as Told;
  }
}

/** How many slices each volcano has, by nickname. */
async function slices(asked: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const { stdout } = await magma(['ring', '--json', ...asked]);
  const { volcanos } = JSON.parse(stdout) as { volcanos: readonly { nickname: string; slices: number }[] };
  return Object.fromEntries(volcanos.map(({ nickname, slices }) => [nickname, slices]));
}

t.test(
  'Slices move to the volcano of the most weight while clients read and write: no call fails, each move has its reason, a pause holds, and it ends',
  // Minutes: it is measured before each move, and until nothing is moved any more.
  { skip: LONG ? false : 'only in test:long', timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const start = (nickname: string, weight: number, via?: RingVolcano): Promise<RingVolcano> =>
      startVolcano(t, directory, { nickname, more: ['-w', `${weight}`, '--balance-after', `${SECONDS}`] }, via);
    const first = await start('wallace', 1);
    const second = await start('gromit', 1, first);
    const third = await start('penguin', WEIGHT, second);
    await whole(t, at(first), 3);
    t.match(await magma(['balance', '--pause', ...at(first)]), { status: 0 });

    const { nfs, root } = await client(t, first);
    const files = new NumberedFiles(nfs, root);
    await files.make(FILES);
    let over = false;
    let read = 0;
    const readers = Array.from({ length: READERS }, async (_, number) => {
      const one = await client(t, [first, second, third][number % 3]!);
      const handles: Buffer[] = [];
      for (let n = 0; n < FILES; n++) handles.push((await one.nfs.ok('LOOKUP', one.root, `f${n}`)).handle!);
      for (let n = number; !over; n = (n + 1) % FILES, read++) {
        const { data } = await one.nfs.ok('READ', handles[n]!, 0, 8192);
        if (!data!.equals(NumberedFiles.data(n))) throw new Error(`f${n} is another one`);
      }
    });
    const reading = Promise.all(readers);
    files.begin();

    // All has been measured for long enough: only the pause holds it.
    const before = await slices(at(first));
    const paused = await told(at(second), ({ volcanos }) =>
      volcanos.every(({ settled, reason }) => settled && /paused/.test(reason)),
    );
    t.same(paused.moves, []);
    t.same(await slices(at(first)), before);
    t.match(await magma(['balance', '--resume', ...at(third)]), { status: 0 });

    await told(at(first), ({ moves }) => moves.some(({ end }) => end === 'done'));
    const shown = await magma(['ring', ...at(second)]);
    t.match(
      shown.stdout,
      /^moved: 20.* UTC: (?:slice|\d+ slices) .* to \w+: \w+ did \d+% of the work, \d+% without them/m,
    );

    // It ends: all have been measured since the last move, and nobody has anything to give.
    const last = await told(
      at(first),
      ({ volcanos, problems }) =>
        problems.length === 0 &&
        volcanos.length === 3 &&
        volcanos.every(({ settled, reason }) => settled && /it does|no end of its|alone is/.test(reason)),
    );
    over = true;
    await reading;
    const made = await files.end();
    t.comment(`${made} files, ${read} reads, ${JSON.stringify(last)}`);
    const after = await slices(at(first));
    t.ok(after.penguin! > before.penguin!, `${JSON.stringify(before)}, then ${JSON.stringify(after)}`);
    const expected = { ...before };
    for (const { from, to, count, end } of moves.values()) {
      t.equal(end, 'done');
      expected[from]! -= count;
      expected[to]! += count;
    }
    t.same(after, expected, 'no slice has moved of which nothing is told');
    await files.check(t, { nfs, root });
    await whole(t, at(first), 3);
    await soundOnline(t, at(first));
  },
);
