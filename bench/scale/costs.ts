import { deflateSync } from 'node:zlib';
import { changed, changeOf, decodeChange, encodeChange } from '../../src/dht/projection/change.ts';
import { decodeProjection, encodeProjection } from '../../src/dht/projection/codec.ts';
import { applyStep, nextStep } from '../../src/dht/projection/plan.ts';
import { ownerOfKey } from '../../src/dht/projection/queries.ts';
import type { Projection } from '../../src/dht/projection/types.ts';
import { validStep } from '../../src/dht/projection/valid-step.ts';
import { keyOf, ROOT_KEY } from '../../src/flare/keys.ts';
import { median } from '../ratios.ts';

/** What the map of a ring takes, in bytes and in milliseconds of one core. */
export interface MapCosts {
  readonly bytes: number;
  /** As etcd keeps it. */
  readonly deflatedBytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  /** The next step of the plan, when there is none. */
  readonly planMs: number;
  /** At the keeper: the step is looked at, written down, and told as a change. */
  readonly keepMs: number;
  /** At all others: the change is read, and the plan is looked at. */
  readonly followMs: number;
  /** The owner of a key, in microseconds. */
  readonly ownerUs: number;
}

const ROUNDS = 15;
const OWNERS = 10_000;

function millisecondsOf(work: (round: number) => void): number {
  const times = Array.from({ length: ROUNDS }, (_, round) => {
    const began = performance.now();
    work(round);
    return performance.now() - began;
  });
  return median(times);
}

/** What is known of a projection is kept beside it: a copy of it is a new one. */
function anew(projection: Projection): Projection {
  return { ...projection, volcanos: [...projection.volcanos], map: [...projection.map] };
}

/** Bytes of an encoded map: a fixed part, one for each volcano, and one for each run of slices with the same holders. */
export function mapBytes({ networkName, arbiter, volcanos, map }: Projection): number {
  const text = (length: number): number => 4 + Math.ceil(length / 4) * 4;
  const head = 4 + 8 + 16 + (networkName === null ? 4 : 4 + text(networkName.length)) + 4 + (arbiter === null ? 4 : 20);
  let bytes = head + 4 + 4 + 4 + 4;
  for (const { nickname, serverName, addresses, version } of volcanos) {
    const told = addresses.reduce((sum, address) => sum + text(address.length), 4);
    bytes += 16 + text(nickname.length) + text(serverName.length) + told + 4 + 4 + 4 + text(version.length);
  }
  let last = '';
  for (const { primary, inSync, filling } of map) {
    const holders = `${primary}/${inSync.join()}/${filling.join()}`;
    if (holders !== last) bytes += 8 + 4 + 4 * inSync.length + 4 + 4 * filling.length;
    last = holders;
  }
  return bytes;
}

/** Measures the real code on that map. */
export function costsOf(projection: Projection): MapCosts {
  const bytes = encodeProjection(projection);
  const encodeMs = millisecondsOf(() => void encodeProjection(anew(projection)));
  const decodeMs = millisecondsOf(() => void decodeProjection(bytes));
  const planMs = millisecondsOf(() => void nextStep(anew(projection)));
  const step = { kind: 'anew', member: 0 } as const;
  const keepMs = millisecondsOf(() => {
    const before = anew(projection);
    const after = applyStep(before, step);
    validStep(before, after);
    encodeProjection(after);
    encodeChange(changeOf(before, after)!);
  });
  const change = encodeChange(changeOf(projection, applyStep(projection, step))!)!;
  const followMs = millisecondsOf(() => void nextStep(changed(projection, [decodeChange(change)])));
  const keys = Array.from({ length: OWNERS }, (_, at) => keyOf(ROOT_KEY, `file ${at}`));
  const ownersMs = millisecondsOf(() => {
    for (const key of keys) ownerOfKey(projection, key);
  });
  return {
    bytes: bytes.length,
    deflatedBytes: deflateSync(bytes).length,
    encodeMs,
    decodeMs,
    planMs,
    keepMs,
    followMs,
    ownerUs: (ownersMs * 1000) / OWNERS,
  };
}
