import { both, FUSE, fuseMounts } from './lib/fuse-mounts.ts';
import { cloneAndBuild, randomIo, sharedBlocks, sharedFiles, sqliteAdders } from './lib/mount-work.ts';
import { unmet } from './lib/requirements.ts';
import { long, TEST_TIMEOUT } from './lib/seed.ts';

/* Reads and writes on a real mount against what they should give. */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };

both('random reads, writes, mapped ones, cuts and appends against a twin in memory', options, async (t, kind) => {
  const { at, said } = await fuseMounts(t, { kind });
  await randomIo(t, at[0]!, long ? 30_000 : 3000);
  t.equal(said(), 'ready\n');
});

for (const mode of ['delete', 'wal'] as const) {
  both(`SQLite with its own locking, several processes, journal mode ${mode}`, options, async (t, kind) => {
    const { at, said } = await fuseMounts(t, { kind });
    await sqliteAdders(t, at, mode);
    t.equal(said(), 'ready\n');
  });
}

both(
  'a project is cloned, built, committed to and packed there',
  { ...options, skip: options.skip || (!long && 'only in test:long') },
  async (t, kind) => {
    const { at, said } = await fuseMounts(t, { kind });
    await cloneAndBuild(t, at[0]!);
    t.equal(said(), 'ready\n');
  },
);

both('two mounts at once on the same files', options, async (t, kind) => {
  const { at, said } = await fuseMounts(t, { count: 2, kind });
  const [one, other] = at as [string, string];
  await sharedFiles(t, one, other);
  await sharedBlocks(t, one, other);
  t.equal(said(), 'ready\n');
});
