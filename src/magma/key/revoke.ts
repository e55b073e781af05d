import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { clientText } from '../../dht/keys/identity.ts';
import { untilDone } from '../../dht/retry.ts';
import { confirmed } from '../confirm.ts';
import { askEvery, problemsOf, silentLines } from '../every.ts';
import type { RingClient } from '../ring-client.ts';

/** `magma key revoke`; an empty name: the key that clients share. Resolves with the exit status. */
export async function revokeClient(ring: RingClient, json: boolean, name: string, yes: boolean): Promise<number> {
  if (name === '') {
    if (!json) process.stderr.write('All clients that have no key of their own are let in no more.\n');
    if (!(await confirmed('key', 'shared', yes))) throw new Error('nothing was done');
  }
  const pace = { clock: systemClock, random: systemRandom };
  const { number } = await untilDone(pace, 'revoking', async () =>
    (await ring.newer(ring.member)).node(ring.member).revoke(name),
  );
  // Each reads what is revoked anew when it is asked: nobody lets it in for some seconds more.
  const told = await askEvery(ring, async (node) => {
    const { fresh, revoked } = await node.keys();
    if (!fresh || !revoked.some((one) => one.name === name && one.number >= number))
      throw new Error('it has not heard of it yet');
  });
  const problems = problemsOf(told);
  if (json) process.stdout.write(`${JSON.stringify({ name, number, problems })}\n`);
  else {
    const lines = [
      `${clientText({ name, number })} is let in no more`,
      ...silentLines(told),
      ...(problems.length > 0 ? ['Who has not answered knows of it some seconds after it reaches the others.'] : []),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return problems.length === 0 ? 0 : 1;
}
