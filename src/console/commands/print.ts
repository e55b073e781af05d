import { tableOf } from '../../base/table.ts';
import { told } from '../../operator/text.ts';
import type { Command, Run } from '../command.ts';
import { CommandError } from '../command.ts';

const THINGS: Readonly<Record<string, (run: Run) => Promise<void>>> = { acl, cache, debug };

export const print: Command = {
  name: 'print',
  usage: 'acl | cache | debug',
  brief: 'rules, memory, or debug channels',
  help: [
    'print acl: the rules in force, where each was written, and its options.',
    'print cache: what is in memory of this volcano, and how far its log and index are.',
    'print debug: the debug channels, and which are on (debug on, debug off).',
  ],
  completes: [Object.keys(THINGS)],
  wordsMin: 1,
  wordsMax: 1,
  async run(run) {
    const thing = run.words[0]!;
    if (!Object.hasOwn(THINGS, thing)) throw new CommandError(`acl, cache or debug, not ${told(thing)}`);
    await THINGS[thing]!(run);
  },
};

async function acl({ parts, print }: Run): Promise<void> {
  const rows = parts.rules.rules().map(({ text, where, options }) => {
    const set = Object.entries(options).map(([name, value]) => told(`${name}=${String(value)}`));
    return [told(text), told(where), set.join(' ')];
  });
  await print(...tableOf(['rule', 'written', 'options'], rows));
}

async function cache({ parts, print }: Run): Promise<void> {
  const { cachedBytes, flares, replays, notes, segments, logBytes, liveBytes, appended, durable, applied } =
    parts.store.stats();
  const { syncMs, damaged, repaired } = parts.store.diskFigures();
  const rows: [string, string][] = [
    ['in memory', `${cachedBytes} bytes of flares, names and extents`],
    ['flares', `${flares} lie here, copies for others too`],
    ['replays', `${replays} answers are remembered`],
    ['notes', `${notes}`],
    ['log', `${logBytes} bytes in ${segments} segments, of which ${liveBytes} are live`],
    ['records', `${appended} appended, ${durable} durable, ${applied} in the index`],
    ['disk', `a sync takes ${Math.round(syncMs)} ms; ${damaged} records damaged, ${repaired} repaired`],
  ];
  await print(...rows.map(([name, value]) => `${name.padEnd(10)} ${value}`));
}

async function debug({ parts, print }: Run): Promise<void> {
  const rows = parts.debug
    .channels()
    .map(({ letter, room, what, on }) => [letter, room, on ? 'on' : 'off', told(what)]);
  await print(...tableOf(['channel', 'room', '', 'what it tells'], rows));
}
