import t from 'tap';
import { VirtualTime } from '../../base/virtual-clock.ts';
import { FILL_BYTES_A_SECOND } from './limits.ts';
import { Pace } from './pace.ts';

t.test(
  'What fills mirrors goes at so many bytes a second, of all together; what was not used is saved up for a tenth of a second',
  async (t) => {
    const time = new VirtualTime();
    const pace = new Pace(time.clock(), FILL_BYTES_A_SECOND);
    const PIECE = 64 * 1024;
    const sends = async (bytes: number): Promise<void> => {
      for (let sent = 0; sent < bytes; sent += PIECE) {
        await pace.wait();
        pace.spend(PIECE);
      }
    };
    const took = async (work: Promise<unknown>): Promise<number> => {
      const began = time.now;
      await time.settle(work, 60_000);
      return (time.now - began) / 1_000_000;
    };
    const two = await took(Promise.all([sends(FILL_BYTES_A_SECOND), sends(FILL_BYTES_A_SECOND)]));
    t.ok(two > 1.85 && two <= 2, `two that send for a second each take ${two} s together`);
    await time.run(60_000);
    const after = await took(sends(FILL_BYTES_A_SECOND));
    t.ok(after > 0.85 && after <= 1, `after a minute's rest one takes ${after} s`);
  },
);
