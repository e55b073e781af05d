import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import type { NodeClient } from '../dht/programs/node/client.ts';
import { withMember } from '../dht/projection/steps.ts';
import { alone, member } from '../dht/testing/members.ts';
import { ANSWER_MS, askEvery, problemsOf, silentLines } from './every.ts';

t.test('a volcano that says nothing is named when its time is over, and holds up no other', async (t) => {
  const clock = manualClock();
  const projection = withMember(withMember(alone(), member(1), 0), member(2), 1);
  const [first, second, third] = projection.volcanos.map(({ nickname }) => nickname);
  const node = (): NodeClient => ({}) as NodeClient;
  const asked = askEvery(
    { projection, node },
    async (_, { nickname }) => {
      if (nickname === second) return new Promise<string>(() => {});
      if (nickname === third) throw new Error(`${third} did not answer: \x1b]off`);
      return nickname;
    },
    { clock },
  );
  await new Promise(setImmediate);
  clock.advance(ANSWER_MS);
  const answered = await asked;
  t.match(answered, [{ answer: first }, { problem: 'no answer within 4 s' }, { problem: /did not answer/ }]);
  t.same(silentLines(answered), [`${second}: no answer within 4 s`, `${third} did not answer: \\x1b]off`]);
  t.same(
    problemsOf(answered).map(({ volcano }) => volcano),
    [second, third],
  );
});
