import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { seededRandom } from '../../../base/random.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../../base/testing/seed.ts';
import { letRun, virtualNetwork } from '../../../base/testing/virtual-network.ts';
import { FlareError } from '../../../flare/errors.ts';
import { ROOT_KEY } from '../../../flare/keys.ts';
import { type Step, steps } from '../../../flare/testing/histories.ts';
import { MemoryService } from '../../../flare/testing/memory-service.ts';
import type { Caller, FlareId } from '../../../flare/types.ts';
import { type Ends, type Loopback, loopback } from '../../testing/loopback.ts';
import { flareProgram } from './program.ts';
import { RemoteService } from './remote-service.ts';
import { FLARE_BOUNDS, FLARE_REPLY_BYTES_MAX } from './schema.ts';

/*
 * The histories of all operations that the local store is compared with the model by, over TCP to a model, real and simulated: the answers are those of a model that
 * is asked directly, to the last field (`FlareService`, docs/architecture.md).
 */

const RUNS = LONG ? 500 : 100;

async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FlareError) return error.status;
    throw error;
  }
}

/** A network of its own for each history, whose time runs by itself until it is closed. */
function simulated(seed: number): { ends: Ends; stop: () => void } {
  const { time, near, far } = virtualNetwork(seed);
  const [server, client] = [far, near].map((net) => ({ net, clock: time.clock() }));
  return { ends: { server: server!, client: client!, address: '10.0.0.2' }, stop: letRun(time) };
}

async function compare(t: Test, network: (run: number) => { ends: Ends; stop: () => void } | null): Promise<void> {
  const links: Loopback[] = [];
  const stops: (() => void)[] = [];
  let runs = 0;
  const history = async (all: readonly Step[]): Promise<void> => {
    const clock = manualClock();
    const make = () => new MemoryService({ clock, random: seededRandom(8), root: { mode: 0o777 } });
    const [model, service] = [make(), make()];
    const program = flareProgram({
      service,
      admit: () => 'serve',
      gate: ({ caller }) => caller,
      projection: () => null,
      assigns: true,
    });
    const made = network(runs++);
    if (made !== null) stops.push(made.stop);
    const sizes = { bounds: FLARE_BOUNDS, replyBytes: FLARE_REPLY_BYTES_MAX };
    const link = await loopback(program, made === null ? sizes : { ...sizes, ends: made.ends });
    links.push(link);
    const remote = new RemoteService({ caller: link.client, root: service.root(), epoch: () => 1 });
    const ids: FlareId[] = [model.root()];
    let last: Step | null = null;
    let calls = 0;
    for (const next of all) {
      const { text, run } = next.run === 'again' && last !== null ? last : next;
      if (run === 'tick') clock.advance(10);
      const recall = run === 'recall' ? `call ${calls}` : null;
      if (typeof run === 'string' && recall === null) continue;
      if (next.run !== 'again' && recall === null) {
        calls += 1;
        last = next;
      }
      const as = (who: Caller): Caller => ({ ...who, replay: `call ${calls}` });
      const id = (at: number): FlareId => ids[at % ids.length]!;
      const ask = (one: MemoryService | RemoteService) =>
        outcome(() => (typeof run === 'string' ? one.recall(recall!, ROOT_KEY) : run(one, id, as)));
      const [got, wanted] = [await ask(remote), await ask(model)];
      if (!isDeepStrictEqual(got, wanted))
        throw new Error(`${text}\n  gave   ${JSON.stringify(got)}\n  wanted ${JSON.stringify(wanted)}`.slice(0, 2000));
      const born = wanted as Partial<FlareId> | null | undefined;
      if (typeof born?.key === 'string' && ids.length < 12) ids.push(born as FlareId);
    }
    await links.pop()!.close();
    stops.pop()?.();
  };
  t.teardown(async () => {
    await Promise.all(links.map((link) => link.close()));
    for (const stop of stops) stop();
  });
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  await fc
    .assert(fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }), history), {
      seed,
      numRuns: RUNS,
    })
    .catch((error: Error) => {
      throw new Error(`${error.message.slice(0, 4000)}\n${(error.cause as Error | undefined)?.message ?? ''}`);
    });
}

t.test('Random histories: a remote service answers as the one behind it does', (t) => compare(t, () => null));
t.test('The same over a simulated network', (t) => compare(t, simulated));
