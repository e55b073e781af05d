import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from '../lib/run.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { NumberedFiles } from './lib/files.ts';
import { at, KEY, magma, scratch, startVolcano, threeVolcanos } from './lib/ring.ts';

const MAGMA = fileURLToPath(new URL('../../bin/magma', import.meta.url));

/* Real processes: backups of a ring under load, and what is made of them (docs/backup.md). */

t.test(
  'magma backup of a ring of three under load, to a directory and to a pipe, restored as a network and as a share',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const ring = await threeVolcanos(t, directory);
    const [first, second] = ring;
    const { nfs, root } = await client(t, first);
    const { handle: home } = await nfs.ok('MKDIR', root, 'home', { mode: 0o755 });
    const written = new NumberedFiles(nfs, home!).begin();
    await written.reach(20);

    const backups = join(directory, 'backups');
    const some = written.made;
    const full = await magma(['backup', '--json', ...at(first), backups]);
    t.match(full, { status: 0 }, full.stdout + full.stderr);
    t.match(JSON.parse(full.stdout), { follows: null, whole: { length: 256 } });
    const least = written.made;
    const more = await magma(['backup', '-i', '--json', ...at(second), backups]);
    t.match(more, { status: 0 }, more.stdout + more.stderr);
    t.match(JSON.parse(more.stdout), { follows: JSON.parse(full.stdout).id });
    const made = await written.end();
    const alone = await magma(['backup', '-i', '--share', '/home', '--json', ...at(first), backups]);
    t.match(alone, { status: 0 }, alone.stdout + alone.stderr);
    t.match(JSON.parse(alone.stdout), { share: '/home', shares: { length: 1 }, follows: null }, 'none of it was there');
    const files = readdirSync(backups).sort();
    t.match(
      files,
      [/^magma-\d{8}T\d{6}\.\d{3}Z-full\.backup$/, /^magma-.*-more\.backup$/, /-full\.backup$/],
      'no more',
    );
    for (const file of files) t.equal(statSync(join(backups, file)).mode & 0o777, 0o600);

    // What stands still, from one pipe into another one.
    const piped = join(directory, 'piped');
    const through = await run(
      'sh',
      ['-c', '"$0" backup "$1" "$2" - | "$0" restore - --to "$3"', MAGMA, ...at(first), piped],
      {
        timeoutMs: 60_000,
        env: { MAGMA_KEY: KEY },
      },
    );
    t.match(through, { status: 0, stdout: /of 1 backup\./, stderr: /a backup: the whole network at / }, through.stderr);

    const wanted = join(directory, 'restored');
    const restored = await magma(['restore', backups, '--to', wanted, '--json']);
    t.match(restored, { status: 0 }, restored.stdout + restored.stderr);
    t.match(JSON.parse(restored.stdout), { backups: 2, directory: wanted }, 'of the newest one of all');
    t.match(await magma(['restore', join(backups, files[2]!), '--to', join(directory, 'alone')]), {
      status: 1,
      stderr: /-full\.backup: it is a backup of \/home alone, and no network can be made of it/,
    });
    const sound = await magma(['check', wanted]);
    t.match(sound, { status: 0, stdout: /\nsound\n$/ }, sound.stdout + sound.stderr);

    const torn = join(directory, 'torn.backup');
    const bytes = readFileSync(join(backups, files[0]!));
    writeFileSync(torn, bytes.subarray(0, bytes.length - 10));
    t.match(await magma(['restore', torn, '--to', join(directory, 'torn')]), {
      status: 1,
      stderr: /torn\.backup: it ends in the middle/,
    });
    t.notOk(readdirSync(directory).some((name) => name.includes('restoring') || name === 'torn'));

    // A share goes back into the network that runs; then that stops, and another one begins with the backup.
    const share = await magma(['restore', backups, '--share', '/home', '--into', '/home.before', ...at(second)]);
    t.match(share, { status: 0, stdout: /^\/home\.before: \/home as it was at / }, share.stderr);
    const { attributes } = await nfs.ok('LOOKUP', root, 'home.before');
    t.equal(attributes!.mode & 0o777, 0o755);
    for (const { volcano } of ring) await volcano.stop();
    const anew = await startVolcano(t, directory, { nickname: 'restored' });
    const { nfs: there, root: top } = await client(t, anew);
    t.same(top, root, 'handles are the same');
    const names = [...(await there.list(home!)).keys()].filter((name) => name.startsWith('f'));
    for (const name of names) {
      const { handle } = await there.ok('LOOKUP', home!, name);
      const { data: read } = await there.ok('READ', handle!, 0, 8192);
      // The last one may have been made, and not written yet.
      if (read!.length > 0 && !read!.equals(NumberedFiles.data(Number(name.slice(1)))))
        t.fail(`${name} is another one`);
    }
    const count = names.length;
    t.ok(count >= least && least >= some && count <= made, `${count} files of ${made}, at least ${least}`);
  },
);
