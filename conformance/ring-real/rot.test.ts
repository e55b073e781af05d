import * as fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { seeded, TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { at, magma, type RingVolcano, scratch, twoVolcanos } from './lib/ring.ts';

const FILES = 24;

/** Turns a bit over in the middle of those bytes, wherever the log of a volcano that runs has them; how many places there were. */
function rot({ volcano }: RingVolcano, bytes: Buffer): number {
  let found = 0;
  for (const name of fs.readdirSync(join(volcano.directory, 'kml'))) {
    const path = join(volcano.directory, 'kml', name);
    const at = fs.readFileSync(path).indexOf(bytes);
    if (at === -1) continue;
    const file = fs.openSync(path, 'r+');
    fs.writeSync(file, Buffer.from([bytes[500]! ^ 4]), 0, 1, at + 500);
    fs.closeSync(file);
    found++;
  }
  return found;
}

t.test(
  'each of two disks damages some files: clients read the right bytes, magma check finds and repairs the rest, all of it is shown (issue 6)',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const { random } = seeded((line) => t.comment(line));
    const ring = await twoVolcanos(t, scratch(t));
    const [first, second] = ring;
    const { nfs, root } = await client(t, first);
    const files: { readonly handle: Buffer; readonly data: Buffer }[] = [];
    for (let made = 0; made < FILES; made++) {
      const { handle } = await nfs.ok('CREATE', root, `f${made}`, { mode: 0o644 });
      const data = random.bytes(8000);
      await nfs.ok('WRITE', handle!, 0, data);
      files.push({ handle: handle!, data });
    }
    // Each file has one copy that is well.
    for (const [at, { data }] of files.entries()) t.equal(rot(ring[at % 2]!, data), 1);
    const some = files.slice(0, FILES / 2);
    for (const { handle, data } of some) {
      const { data: read } = await nfs.ok('READ', handle, 0, 8192);
      if (!read!.equals(data)) t.fail('other bytes than were written');
    }
    const online = await magma(['check', '--ring', ...at(second)]);
    t.match(online, { status: 0, stdout: /sound\n$/ }, online.stdout + online.stderr);
    const { stdout } = await magma(['ring', ...at(first)]);
    for (const { nickname } of ring)
      t.match(stdout, new RegExp(`DAMAGE on the disk of ${nickname}: 12 records of its log, 12 of which came anew`));
    const status = await magma(['status', '--json', ...at(first), 'gromit']);
    t.match(JSON.parse(status.stdout), { figures: { damaged: FILES / 2, repaired: FILES / 2 } });
    for (const { volcano } of ring)
      t.match(volcano.log, /the log was damaged: what was lost came from another volcano; look at the disk/);
    for (const { handle, data } of files) t.ok((await nfs.ok('READ', handle, 0, 8192)).data!.equals(data));
  },
);
