import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { VirtualTime } from '../../base/virtual-clock.ts';
import { BusyError } from '../../flare/joint.ts';
import type { CallContext } from '../../rpc/program.ts';
import { applyStep, nextStep } from '../projection/plan.ts';
import { withMember } from '../projection/steps.ts';
import { LARGE, type Projection } from '../projection/types.ts';
import { RemoteProjectionStore, WATCH_REST_MS } from '../remote-projection-store.ts';
import { alone, member } from '../testing/members.ts';
import { doerOf, hintNext } from './carrier.ts';
import { type HandlersParts, nodeHandlers, WELCOMES_MAX } from './handlers.ts';

/* What is otherwise in a network of many volcanos, so that a change of the map does not cost each of them much. */

/** Of so many volcanos, with a step of the plan to be made. */
function network(volcanos: number): Projection {
  let projection = alone();
  for (let number = 1; number < volcanos; number++) {
    projection = withMember(projection, member(number), number - 1);
    for (let step = nextStep(projection); step !== null; step = nextStep(projection)) {
      if (number === volcanos - 1) return projection;
      projection = applyStep(projection, step);
    }
  }
  return projection;
}

t.test('who has made a step of the plan tells who makes the next one, in a large network', async (t) => {
  const hinted: string[] = [];
  const hint = (id: string): void => void hinted.push(id);
  const large = network(LARGE);
  const doer = doerOf(large, nextStep(large)!);
  hintNext(large, member(99).id, hint);
  t.same(hinted, [doer]);
  hintNext(large, doer, hint);
  hintNext(network(LARGE - 1), member(99).id, hint);
  t.same(hinted, [doer], 'not to oneself, and not where everybody reads each map');
});

t.test('who was told of a newer map rests before he asks again, in a large network', async (t) => {
  const time = new VirtualTime();
  const askedAt = async (first: Projection): Promise<number[]> => {
    const clock = time.clock();
    const asked: number[] = [];
    const arbiter = {
      newest: async () => null,
      write: async () => 'taken' as const,
      async watch(known: Projection | null) {
        asked.push(Math.round(clock.monotonic() - begun));
        return { ...first, epoch: (known?.epoch ?? 0) + 1 };
      },
    };
    const begun = clock.monotonic();
    const random = seededRandom(1);
    const remote = new RemoteProjectionStore({ arbiter: () => arbiter, known: () => null, clock, random });
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = remote.watch(({ epoch }) => {
      if (epoch < 3) return;
      stop();
      resolve();
    });
    await time.settle(promise, 60_000);
    return asked;
  };
  t.same(await askedAt(network(LARGE - 1)), [0, 0, 0]);
  t.same(await askedAt(network(LARGE)), [0, LARGE * WATCH_REST_MS, 2 * LARGE * WATCH_REST_MS]);
});

t.test('so many newcomers wait for their places, and no more', async (t) => {
  const { promise, resolve } = Promise.withResolvers<Projection>();
  let projection = alone();
  let underWay = 0;
  const arbiter = {
    newest: async () => (await promise) && projection,
    async write(next: Projection) {
      t.equal(underWay++, 0, 'one at a time');
      await Promise.resolve();
      underWay--;
      projection = next;
      return 'written';
    },
  };
  const parts = { register: { keptOrNull: arbiter }, figures: { of: () => null }, logger: { info() {}, warn() {} } };
  const handlers = nodeHandlers(parts as unknown as HandlersParts);
  const join = async (number: number) => handlers.join(member(number), {} as CallContext);
  const joining = Array.from({ length: WELCOMES_MAX }, (_, at) => join(at + 1));
  await t.rejects(join(999), { message: new BusyError().message });
  resolve(projection);
  await Promise.all(joining);
  t.equal(projection.volcanos.length, WELCOMES_MAX + 1);
  await t.resolves(join(999));
});
