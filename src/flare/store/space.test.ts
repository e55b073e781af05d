import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { FlareError } from '../errors.ts';
import { REFRESH_MS, Space } from './space.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test(
  'room: what others take is seen while nothing is appended, so that a change is refused before it is written',
  async (t) => {
    const clock = manualClock();
    let free = 1000;
    let asked = 0;
    const disk = {
      async space() {
        asked++;
        return { total: 2000, free };
      },
    } as unknown as Disk;
    const space = new Space(disk, clock, 500);
    await space.refresh();
    t.equal(space.available, 500);
    space.watch();
    free = 400;
    clock.advance(REFRESH_MS - 1);
    await turn();
    t.equal(space.available, 500);
    clock.advance(1);
    await turn();
    t.equal(space.available, 0);
    t.throws(() => space.admit(1), FlareError.of('NOSPC'));
    await turn();
    free = 2000;
    clock.advance(REFRESH_MS);
    await turn();
    space.admit(1000);
    space.stop();
    const before = asked;
    clock.advance(10 * REFRESH_MS);
    await turn();
    t.equal(asked, before, 'and not asked any more when it is closed');
  },
);
