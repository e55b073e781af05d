import t from 'tap';
import { VirtualTime } from './virtual-clock.ts';

t.test('events happen by their time, those of one moment in the order in which they were asked for', async (t) => {
  const time = new VirtualTime();
  const seen: string[] = [];
  for (const [name, ms] of [
    ['c', 2],
    ['a', 1],
    ['d', 2],
    ['b', 1],
    ['e', 0],
  ] as const)
    time.after(ms * 1000, () => seen.push(`${name}@${time.now / 1000}`));
  time.after(1500, () => seen.push('never')).cancel();
  t.equal(await time.runUntilIdle(10), true);
  t.same(seen, ['e@0', 'a@1', 'b@1', 'c@2', 'd@2']);
  t.equal(time.now, 2000);
  t.equal(await time.step(), false);
  await time.run(3);
  t.equal(time.now, 5000, 'time goes on when nothing happens');
});

t.test('what an event sets off, through any number of promises, happens before the next event', async (t) => {
  const time = new VirtualTime();
  const seen: string[] = [];
  const clock = time.clock();
  const chain = async (name: string): Promise<void> => {
    for (let hop = 0; hop < 20; hop++) await null;
    seen.push(name);
  };
  clock.after(1, () => {
    clock.soon(() => seen.push('soon'));
    chain('promises of the first');
  });
  clock.after(1, () => void chain('promises of the second'));
  await time.run(1);
  t.same(seen, ['promises of the first', 'promises of the second', 'soon']);
});

t.test('settle gives what the promise gives, and says when it cannot come', async (t) => {
  const time = new VirtualTime();
  const clock = time.clock();
  const wait = (ms: number) => new Promise<string>((resolve) => void clock.after(ms, () => resolve('there')));
  t.equal(await time.settle(wait(7), 10), 'there');
  t.equal(time.now, 7000, 'no further than that');
  await t.rejects(time.settle(Promise.reject(new Error('no')), 1), /^no$/);
  await t.rejects(time.settle(new Promise(() => {}), 10), /nothing is left/);
  await t.rejects(time.settle(wait(11), 10), /still waits after 10 ms/);
  clock.after(1, () => {
    throw new Error('an event failed');
  });
  await t.rejects(time.run(5), /an event failed/);
});

t.test(
  'views: skew, drift and a set wall clock; monotonic time never jumps; timers go by their own clock',
  async (t) => {
    const time = new VirtualTime();
    const [fast, slow] = [
      time.clock({ wall: 5_000_000, driftPpm: 100_000, origin: 40 }),
      time.clock({ driftPpm: -200_000 }),
    ];
    const fired: string[] = [];
    const due = (name: string, clock: typeof fast) => clock.after(100, () => fired.push(`${name}@${time.now}`));
    due('fast', fast);
    due('slow', slow);
    await time.run(1000);
    t.same(fired, ['fast@90910', 'slow@125000']);
    t.equal(fast.now(), 6_100_000);
    t.equal(Math.round(fast.monotonic()), 1140);
    t.equal(slow.monotonic(), 800);
    fast.setWall(1_000);
    t.equal(fast.now(), 1_000);
    t.equal(Math.round(fast.monotonic()), 1140);
    await time.run(10);
    t.equal(fast.now(), 12_000);
  },
);

t.test(
  'a clock that was stopped fires nothing any more: neither what was set before nor what is set later',
  async (t) => {
    const time = new VirtualTime();
    const [dying, other] = [time.clock(), time.clock()];
    const seen: string[] = [];
    dying.after(2, () => seen.push('set before'));
    dying.after(1, () => {
      dying.stop();
      dying.after(1, () => seen.push('set later'));
      dying.soon(() => seen.push('soon'));
    });
    other.after(3, () => seen.push('other'));
    await time.runUntilIdle(10);
    t.same(seen, ['other']);
    t.equal(dying.stopped, true);
  },
);
