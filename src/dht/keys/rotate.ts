import type { NodeClient } from '../programs/node/client.ts';
import type { KeysTold } from '../programs/node/keys.ts';
import { isTransient } from '../retry.ts';
import { type NetworkKey, wireKey } from './chain.ts';
import type { KeyPlan } from './plan.ts';

/** How often volcanos are asked whether they have followed, before a rotation is broken off, to be gone on with later. */
export const LOOKS_MAX = 60;
/** For how long the old key is let in unless it is said, in seconds: 30 days. */
export const UNTIL_DEFAULT = 30 * 86_400;

/** A change of the network's key cannot be made, or not gone on with: why, and the cure. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
}

/** What a volcano told of keys, or why it did not. */
type Told = { readonly nickname: string } & ({ readonly keys: KeysTold } | { readonly problem: string });

/** What a rotation is made with. */
export interface RotationParts {
  /** The volcanos of the network, the one to begin with first. */
  readonly volcanos: readonly {
    readonly nickname: string;
    readonly node: Pick<NodeClient, 'keys' | 'takeKey' | 'planKeys'>;
  }[];
  /** In seconds since 1970. */
  readonly now: () => number;
  /** Waits before volcanos are asked again. */
  readonly pause: () => Promise<void>;
  /** Told of each step. */
  readonly tell: (step: string) => void;
}

/** How a rotation stands. */
export interface Rotated {
  readonly plan: KeyPlan;
  /** Those that did not answer: they get the key from others when they come back, as long as the older one is let in. */
  readonly away: readonly string[];
}

/** Asks all at the same time. */
function askAll({ volcanos }: Pick<RotationParts, 'volcanos'>): Promise<Told[]> {
  return Promise.all(
    volcanos.map(async ({ nickname, node }) => {
      try {
        return { nickname, keys: await node.keys() };
      } catch (error) {
        return { nickname, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

function answered(told: readonly Told[]): { readonly nickname: string; readonly keys: KeysTold }[] {
  return told.flatMap((one) => ('keys' in one ? [one] : []));
}

function awayOf(told: readonly Told[]): string[] {
  return told.flatMap((one) => ('keys' in one ? [] : [one.nickname]));
}

/** The newest plan, or what holds where none was made. RotationError when nobody tells. */
function newestPlan(told: readonly Told[]): KeyPlan {
  const all = answered(told);
  const [first] = all;
  if (first === undefined) throw new RotationError('no volcano answers: see magma ring');
  const plans = all.flatMap(({ keys }) => (keys.plan === null ? [] : [keys.plan]));
  const { keyId } = first.keys;
  return plans.reduce((one, other) => (other.number > one.number ? other : one), {
    ...{ number: 0, dial: keyId, accept: [keyId], until: 0 },
  });
}

/** Has the first volcano that can make it the network's plan. */
async function make({ volcanos, pause }: RotationParts, plan: KeyPlan): Promise<void> {
  let last: unknown;
  for (let tries = 0; tries < LOOKS_MAX; tries++) {
    const { node } = volcanos[tries % volcanos.length]!;
    try {
      return await node.planKeys(plan);
    } catch (error) {
      if (!isTransient(error)) throw error;
      last = error;
      await pause();
    }
  }
  throw last;
}

/** Waits until all that answer go by that plan, and have that key. */
async function followed(parts: RotationParts, plan: KeyPlan, keyId: string): Promise<Told[]> {
  for (let looks = 0; ; looks++) {
    const told = await askAll(parts);
    const behind = answered(told).filter(
      ({ keys }) => (keys.plan?.number ?? 0) < plan.number || !keys.has.includes(keyId),
    );
    if (behind.length === 0 && answered(told).length > 0) return told;
    if (looks >= LOOKS_MAX) {
      const who = behind.map(({ nickname }) => nickname).join(', ');
      throw new RotationError(`${who}: the key has not arrived there. Cure: the same command again goes on`);
    }
    await parts.pause();
  }
}

/**
 * Changes the network's key while all goes on, or goes on where that was broken off: all volcanos that answer are given the new key, durably; then all let it in; then all call each other with it, and let the
 * old one in until that time (in seconds since 1970; 0: until it is ended; null: as was said before, else `UNTIL_DEFAULT` from now on). `RotationError`, or what volcanos refuse with.
 */
export async function rotate(parts: RotationParts, key: NetworkKey, wanted: number | null): Promise<Rotated> {
  const { volcanos, tell } = parts;
  const { keyId } = key.secrets;
  let told = await askAll(parts);
  let plan = newestPlan(told);
  const [old, other] = plan.accept;
  if (plan.dial === keyId && plan.accept.length === 1) {
    if (plan.number === 0) throw new RotationError('that is the key that the network has. Cure: another one');
    return { plan, away: awayOf(told) };
  }
  if (plan.accept.length === 2 && (other !== keyId || old === keyId))
    throw new RotationError(
      'the key is being changed to another one already. Cure: that one, or --back or --end first',
    );
  if (plan.accept.length === 1) {
    for (const one of answered(told)) {
      if (one.keys.has.includes(keyId)) continue;
      await volcanos.find(({ nickname }) => nickname === one.nickname)!.node.takeKey(wireKey(key));
    }
    tell('all volcanos that answer have the new key');
    plan = { number: plan.number + 1, dial: plan.dial, accept: [plan.dial, keyId], until: 0 };
    await make(parts, plan);
  }
  if (plan.dial !== keyId) {
    told = await followed(parts, plan, keyId);
    tell('all volcanos that answer let it in');
  }
  const planned = plan.dial === keyId ? plan.until : Math.floor(parts.now()) + UNTIL_DEFAULT;
  const until = wanted ?? planned;
  if (plan.dial !== keyId || plan.until !== until) {
    plan = { number: plan.number + 1, dial: keyId, accept: plan.accept, until };
    await make(parts, plan);
  }
  // When the time of the old key is over, nobody answers who is asked with it.
  if (until === 0 || until > parts.now()) told = await followed(parts, plan, keyId);
  tell('volcanos call each other with it');
  return { plan, away: awayOf(told) };
}

/** Has one key let in and no other: the one that volcanos call each other with, which has to be that of the two. */
async function settle(parts: RotationParts, which: 0 | 1, otherwise: string): Promise<Rotated> {
  const told = await askAll(parts);
  const away = awayOf(told);
  const plan = newestPlan(told);
  if (plan.accept.length === 1) return { plan, away };
  if (plan.dial !== plan.accept[which]) throw new RotationError(otherwise);
  const next = { number: plan.number + 1, dial: plan.dial, accept: [plan.dial], until: 0 };
  await make(parts, next);
  return { plan: next, away };
}

/** Lets the older key in no more, before its time. `RotationError` when volcanos still call each other with it. */
export function end(parts: RotationParts): Promise<Rotated> {
  return settle(parts, 1, 'volcanos do not call each other with the new key yet. Cure: the rotation again, or --back');
}

/** Calls a rotation back, as long as volcanos do not call each other with the new key. `RotationError` when they do. */
export function back(parts: RotationParts): Promise<Rotated> {
  return settle(parts, 0, 'volcanos call each other with the new key already. Cure: --end, and another rotation');
}
