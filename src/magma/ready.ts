import { systemClock } from '../base/clock.ts';
import { indexOf } from '../dht/projection/queries.ts';
import type { CommandSpec } from './command.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { asking } from './ring.ts';
import { RingClient } from './ring-client.ts';

/** How long another volcano may take to answer, in milliseconds. */
const PATIENCE_MS = 4_000;

/** `magma ready`, as its help has it. */
export const READY: CommandSpec = {
  name: 'ready',
  brief: 'whether clients are well served here, for keepalived',
  title: 'whether clients are well served here, for what decides where a floating address is',
  usage: [''],
  text: [
    'Asks the volcano of this machine for its map, and then the others, from here: one that answers is enough. Without any, the volcano is cut off, unless by its map it serves everything by itself, and nobody has another copy.',
  ],
  flags: { json: { help: 'one JSON object: ready, problem' } },
  asks: true,
  status: '0 it is ready; 1 it is not; 2 the command line is wrong',
};

/** Whether one of these has an answer, in time. */
function anyOf(asked: readonly Promise<unknown>[]): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => systemClock.after(PATIENCE_MS, () => resolve(false)));
  const first = Promise.any(asked).then(
    () => true,
    () => false,
  );
  return Promise.race([first, late]);
}

/** `magma ready`. Ends the process: connections that are being made to dead volcanos would hold it for seconds. */
export async function readyCommand(argv: readonly string[]): Promise<number> {
  const { json, at, config, words } = readAsking(READY, argv);
  if (words.length > 0) throw usageError(READY, `"${words[0]}" is too much`);
  const key = keyOf(READY, config);
  return asking(
    json,
    () => RingClient.connect(at, key),
    async (ring) => {
      const { volcanos, map } = ring.projection;
      const others = volcanos.filter(({ nickname }) => nickname !== ring.asked);
      const own = indexOf(ring.projection, volcanos.find(({ nickname }) => nickname === ring.asked)?.id ?? '');
      // With mirrors in sync it needs their leases: that map may be an old one.
      const alone = map.every(({ primary, inSync }) => primary === own && inSync.length === 0);
      const reached = alone || (await anyOf(others.map((member) => ring.figures(member))));
      const names = others.map(({ nickname }) => nickname).join(', ');
      tell(json, reached ? null : `${ring.asked} is cut off: none of ${names} answers`);
    },
  );
}

function tell(json: boolean, problem: string | null): never {
  const ready = problem === null;
  if (json) process.stdout.write(`${JSON.stringify(ready ? { ready } : { ready, problem })}\n`);
  else if (ready) process.stdout.write('ready\n');
  else process.stderr.write(`magma: ${problem}\n`);
  process.exit(ready ? 0 : 1);
}
