import { nextStep } from '../../../src/dht/projection/plan.ts';
import type { Projection } from '../../../src/dht/projection/types.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import type { Volcano } from './whole-life.ts';

/** What is looked at to see whether whole volcanos are quiet. */
export interface Looked {
  readonly volcanos: readonly Volcano[];
  /** So many of them are to serve. */
  readonly wanted: number;
  /** The newest map that anybody goes by. */
  readonly newest: Projection | null;
  /** The number of the volcano that a slice belongs to by it. */
  readonly ownerOf: (slice: number) => number;
}

/** What a store has not done yet of operations over several owners. */
export function* unquietStore(at: number, store: LocalStore, ownerOf: (slice: number) => number): Generator<string> {
  const { joint, busy } = store;
  for (const { operation, coordinator } of joint.undecided()) {
    const text = operation.toString('hex').slice(0, 8);
    yield `volcano ${at} has prepared ${text}, whose coordinator is volcano ${ownerOf(coordinator)}`;
  }
  for (const { operation } of joint.undelivered()) {
    yield `volcano ${at} has not delivered ${operation.toString('hex').slice(0, 8)}`;
  }
  if (busy) yield `volcano ${at} holds something for others`;
}

function* unquietLife(at: number, { life }: Volcano, newest: Projection | null, looked: Looked): Generator<string> {
  if (life?.ring == null || newest === null) {
    yield `volcano ${at} does not serve`;
    return;
  }
  const { epoch } = life.ring.projection();
  if (epoch !== newest.epoch) yield `volcano ${at} goes by epoch ${epoch}, and the map is of epoch ${newest.epoch}`;
  yield* unquietStore(at, life.store!, looked.ownerOf);
  const lag = life.replication!.lag();
  if (lag > 0) yield `volcano ${at} has ${lag} records that a mirror has not`;
  const { replica } = life.store!;
  const left = replica.appended - replica.commitment.lsn;
  if (left > 0) yield `volcano ${at} has ${left} records that are not committed`;
}

/** What whole volcanos have not done yet, one thing after the other; nothing: they are quiet. */
export function* unquietOf(looked: Looked): Generator<string> {
  const { volcanos, wanted, newest, ownerOf } = looked;
  for (const [at, volcano] of volcanos.entries())
    if (at < wanted || volcano.life !== null) yield* unquietLife(at, volcano, newest, looked);
  if (newest === null) return;
  const step = nextStep(newest);
  if (step !== null) yield `the map is not as it should be: ${JSON.stringify(step)} is due`;
  for (const slice of newest.map.keys()) {
    if (volcanos[ownerOf(slice)]?.life?.replication?.mayServe(slice) !== true) yield `slice ${slice} is not served`;
  }
}
