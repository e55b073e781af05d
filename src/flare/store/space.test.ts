import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { FlareError } from '../errors.ts';
import { LEFT_BYTES, NEAR_BYTES, REFRESH_MS, Space } from './space.ts';

t.test(
  'room: what others take is seen while nothing is appended, so that a change is refused before it is written',
  async (t) => {
    const clock = manualClock();
    let free = 1000;
    let asked = 0;
    const disk = {
      space() {
        asked++;
        return { total: 2000, free };
      },
    } as unknown as Disk;
    const space = new Space(disk, clock, 500);
    space.refresh();
    t.equal(space.available, 500);
    space.watch();
    free = 400;
    clock.advance(REFRESH_MS - 1);
    t.equal(space.available, 500);
    clock.advance(1);
    t.equal(space.available, 0);
    t.throws(() => space.admit(1), FlareError.of('NOSPC'));
    free = 2000;
    clock.advance(REFRESH_MS);
    space.admit(1000);
    space.stop();
    const before = asked;
    clock.advance(10 * REFRESH_MS);
    t.equal(asked, before, 'and not asked any more when it is closed');
  },
);

t.test('room: near the end the disk is asked before each change, whoever fills it and however fast', async (t) => {
  let free = 2 * NEAR_BYTES;
  let asked = 0;
  const disk = { space: () => ({ total: 4 * NEAR_BYTES, free, asked: asked++ }) } as unknown as Disk;
  const space = new Space(disk, manualClock(), 500);
  space.refresh();
  space.admit(1);
  t.equal(asked, 1, 'far from it, it is not');
  free = NEAR_BYTES;
  space.refresh();
  free = 600;
  t.throws(() => space.admit(100), FlareError.of('NOSPC'));
  free = 700;
  t.doesNotThrow(() => space.admit(100));
});

t.test('What may use the reserve is refused with NOSPC, too, when others have taken that', async (t) => {
  let free = 1024 * 1024;
  const disk = { space: () => ({ total: 2 ** 30, free }) } as unknown as Disk;
  const space = new Space(disk, manualClock(), 8 * LEFT_BYTES);
  space.refresh();
  t.throws(() => space.admit(1000), FlareError.of('NOSPC'));
  t.doesNotThrow(() => space.admitReserved(1000));
  free = LEFT_BYTES + 1000;
  t.throws(() => space.admitReserved(1000), FlareError.of('NOSPC'), 'the disk is asked');
  free = 1024 * 1024;
  t.doesNotThrow(() => space.admitReserved(1000));
});
