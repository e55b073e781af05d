import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { applyStep, nextStep } from '../projection/plan.ts';
import { withMember, withoutMirror } from '../projection/steps.ts';
import { alone, member } from '../testing/members.ts';
import { ALARM_MS, Alarm } from './alarm.ts';

/* A single copy is told loudly: at once when one was lost, and again and again while it lasts. */

t.test('A copy that is lost is told at once, and each minute until there is another one', async (t) => {
  const clock = manualClock();
  const told: string[] = [];
  const keep = (_: object, message: string): void => void told.push(message);
  const alarm = new Alarm(clock, { ...silentLogger, warn: keep, info: keep });
  let projection = withMember(alone({ replicas: 2 }), member(1), 0);
  for (let step = nextStep(projection); step !== null; step = nextStep(projection)) {
    projection = applyStep(projection, step);
    alarm.settle(projection, 0);
  }
  t.notMatch(told.join('\n'), /SINGLE COPY/, 'a network that grows is not told of');
  told.length = 0;
  const left = withoutMirror(projection, { first: 0, count: 128 }, 1);
  alarm.settle(left, 0);
  alarm.settle(left, 0);
  t.match(told, [/SINGLE COPY: 128 slices/]);
  clock.advance(2 * ALARM_MS);
  t.equal(told.length, 3);
  alarm.settle({ ...projection, epoch: left.epoch + 1 }, 0);
  t.match(told.at(-1), /have another copy again/);
  clock.advance(10 * ALARM_MS);
  t.equal(told.length, 4);
});

t.test('What has had no other copy for long is told, too', async (t) => {
  const clock = manualClock();
  let told = 0;
  const alarm = new Alarm(clock, { ...silentLogger, warn: () => void told++ });
  const two = withMember(alone({ replicas: 2 }), member(1), 0);
  const both = { ...two, volcanos: two.volcanos.map((one) => ({ ...one, state: 'serving' as const })) };
  alarm.settle(both, 0);
  t.equal(told, 0);
  clock.advance(ALARM_MS);
  t.equal(told, 1);
  alarm.stop();
});
