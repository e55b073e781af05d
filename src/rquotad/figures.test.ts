import t from 'tap';
import type { QuotaState } from '../acl/quotas.ts';
import { parseShares } from '../acl/shares-file.ts';
import { BLOCK_MIN, rquotaOf } from './figures.ts';

function state(limits: string, bytes: number, files: number, until: Partial<QuotaState> = {}): QuotaState {
  const [quota] = parseShares(`/a quota 1 ${limits}`, 'shares').quotas;
  return { quota: quota!, used: { bytes, files }, bytesUntil: null, filesUntil: null, ...until };
}

t.test('Limits and what is used in blocks of 1 KiB: limits rounded down, what is used up', async (t) => {
  t.strictSame(rquotaOf(state('bytes=10K:20481,files=5:6', 1025, 3), 0), {
    ...{ bsize: BLOCK_MIN, active: true, bhardlimit: 20, bsoftlimit: 10, curblocks: 2 },
    ...{ fhardlimit: 6, fsoftlimit: 5, curfiles: 3, btimeleft: 0, ftimeleft: 0 },
  });
  t.match(rquotaOf(state('bytes=0', 0, 0), 0), { bhardlimit: 1, fhardlimit: 0 }, '0 is no limit on the wire');
});

t.test('FIELD.md row 21: blocks are larger until their counts are below 2^31', async (t) => {
  t.match(rquotaOf(state('bytes=1024T', 0, 0), 0), { bsize: 2 ** 20, bhardlimit: 2 ** 30 });
  t.match(rquotaOf(state('files=1', 2 ** 45, 2 ** 40), 0), {
    bsize: 2 ** 15,
    curblocks: 2 ** 30,
    curfiles: 2 ** 32 - 1,
  });
  t.match(rquotaOf(state('bytes=2047G', 0, 0), 0), { bsize: BLOCK_MIN, bhardlimit: 2047 * 2 ** 20 });
});

t.test('What is left of grace times is in seconds, 0 when they are over', async (t) => {
  const over = state('bytes=1:,files=1:', 2, 2, { bytesUntil: 10_500, filesUntil: 900 });
  t.match(rquotaOf(over, 1000), { btimeleft: 10, ftimeleft: 0 });
});
