import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type ArchiveEntry, ENTRY_NAME_MAX, ustar } from './ustar.ts';
import { writeWhole } from './write.ts';

t.test('tar(1) reads an archive: names, contents of any length, times, for nobody else', async (t) => {
  const entries = [0, 1, 511, 512, 513, 5000].map(
    (length): ArchiveEntry => ({ name: `a/b-${length}`, content: Buffer.alloc(length, 'x\n') }),
  );
  entries.push({ name: 'n'.repeat(ENTRY_NAME_MAX), content: Buffer.from('\xff', 'latin1') });
  const directory = t.testdir();
  writeFileSync(join(directory, 'x.tar'), ustar(entries, 1_600_000_000));
  const { status, stderr } = spawnSync('tar', ['xf', 'x.tar'], { cwd: directory, encoding: 'utf8' });
  t.same([status, stderr], [0, '']);
  for (const { name, content } of entries) {
    t.ok(readFileSync(join(directory, name)).equals(content), name);
    const { mtimeMs, mode } = statSync(join(directory, name));
    t.same([mtimeMs, mode & 0o777], [1_600_000_000_000, 0o600]);
  }
});

t.test('whatever is in it, an archive is whole blocks; what is no name is refused', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 5 }), (contents) => {
      const archive = ustar(
        contents.map((content, at) => ({ name: `f${at}`, content: Buffer.from(content) })),
        0,
      );
      t.equal(archive.length % 512, 0);
      t.ok(archive.subarray(-1024).every((byte) => byte === 0));
    }),
    { numRuns: 30 },
  );
  for (const name of ['', '/etc/passwd', 'a b', 'é', 'n'.repeat(ENTRY_NAME_MAX + 1)])
    t.throws(() => ustar([{ name, content: Buffer.alloc(0) }], 0), RangeError, name);
});

t.test('a file is written whole and for its owner only, or what was there stays', async (t) => {
  const directory = t.testdir({ 'old.tar.gz': 'old' });
  const file = join(directory, 'old.tar.gz');
  writeWhole(file, Buffer.from('new'));
  t.equal(readFileSync(file, 'utf8'), 'new');
  t.equal(statSync(file).mode & 0o777, 0o600);
  mkdirSync(join(directory, 'in-the-way'));
  t.throws(() => writeWhole(join(directory, 'in-the-way'), Buffer.from('x')));
  t.throws(() => writeWhole(join(directory, 'not-there', 'x'), Buffer.from('x')), { code: 'ENOENT' });
  const { stdout } = spawnSync('ls', [directory], { encoding: 'utf8' });
  t.equal(stdout, 'in-the-way\nold.tar.gz\n', 'no temporary file is left');
});
