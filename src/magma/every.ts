import { type Clock, systemClock } from '../base/clock.ts';
import type { NodeClient } from '../dht/programs/node/client.ts';
import type { Member } from '../dht/projection/types.ts';
import { plainText } from './plain.ts';
import type { RingClient } from './ring-client.ts';

/** How long one volcano may take to answer, in milliseconds. */
export const ANSWER_MS = 4_000;

/** What a volcano answered, or why it did not. */
export type Answered<T> =
  | { readonly volcano: string; readonly member: Member; readonly answer: T }
  | { readonly volcano: string; readonly member: Member; readonly problem: string };

/** Rejects when it takes longer than so many milliseconds. What was asked goes on by itself. */
export async function within<T>(work: Promise<T>, patienceMs = ANSWER_MS, clock: Clock = systemClock): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(patienceMs, () => late.reject(new Error(`no answer within ${patienceMs / 1000} s`)));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}

/** Asks every volcano of the network at the same time, in ring order. Who does not answer in time is named, and holds nobody up. Never rejects. */
export function askEvery<T>(
  ring: Pick<RingClient, 'projection' | 'node'>,
  ask: (node: NodeClient, member: Member) => Promise<T>,
  { patienceMs = ANSWER_MS, clock = systemClock }: { readonly patienceMs?: number; readonly clock?: Clock } = {},
): Promise<Answered<T>[]> {
  return Promise.all(
    ring.projection.volcanos.map(async (member) => {
      const volcano = member.nickname;
      try {
        return { volcano, member, answer: await within(ask(ring.node(member), member), patienceMs, clock) };
      } catch (error) {
        return { volcano, member, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** Those that did not answer, a line each, made harmless. */
export function silentLines(answered: readonly Answered<unknown>[]): string[] {
  return problemsOf(answered).map(({ volcano, problem }) =>
    plainText(problem.startsWith(`${volcano} `) ? problem : `${volcano}: ${problem}`),
  );
}

/** The same for programs. */
export function problemsOf(answered: readonly Answered<unknown>[]): { volcano: string; problem: string }[] {
  return answered.flatMap((one) => ('problem' in one ? [{ volcano: one.volcano, problem: one.problem }] : []));
}
