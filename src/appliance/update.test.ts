import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { writeSystem } from './update.ts';

const directory = mkdtempSync(join(tmpdir(), 'magma-update-'));
t.teardown(() => rmSync(directory, { recursive: true }));
const system = Buffer.concat([Buffer.from('hsqs'), seededRandom(1).bytes(3_000_000)]);
const sha256 = createHash('sha256').update(system).digest('hex');
const update = Buffer.concat([system, Buffer.from(`magma-appliance-update 1 ${sha256} 0.2.0\n`)]);

/** Files that stand for an update and for a partition of `room` bytes of 0xee. */
function files(bytes: Buffer, room: number): { from: string; partition: string } {
  const from = join(directory, 'x.update');
  const partition = join(directory, 'partition');
  writeFileSync(from, bytes);
  writeFileSync(partition, Buffer.alloc(room, 0xee));
  return { from, partition };
}

t.test('a whole update is written, and the rest of the partition stays', async (t) => {
  const { from, partition } = files(update, 4_000_000);
  t.match(await writeSystem(from, partition), { version: '0.2.0', bytes: system.length, sha256 });
  const now = readFileSync(partition);
  t.ok(now.subarray(0, system.length).equals(system));
  t.ok(now.subarray(system.length).every((byte) => byte === 0xee));
});

const damaged = Buffer.from(update);
damaged[1_500_000]! ^= 1;
const REFUSED: readonly (readonly [string, Buffer, number, RegExp])[] = [
  [
    'an update that was cut off',
    update.subarray(0, 2_000_000),
    4_000_000,
    /is no update of this appliance, or not all of one/,
  ],
  ['a file that is something else', Buffer.from('hello\n'), 4_000_000, /is no update of this appliance/],
  ['nothing', Buffer.alloc(0), 4_000_000, /is no update of this appliance/],
  ['an update with a byte that is not its own', damaged, 4_000_000, /is damaged/],
  [
    'one without a system in it',
    Buffer.concat([Buffer.alloc(9), update.subarray(system.length)]),
    4_000_000,
    /is damaged/,
  ],
  ['one that is larger than the partition', update, 2_000_000, /has room for 2000000/],
];
for (const [what, bytes, room, message] of REFUSED) {
  t.test(`${what} is refused before anything is written`, async (t) => {
    const { from, partition } = files(bytes, room);
    await t.rejects(writeSystem(from, partition), message);
    t.ok(readFileSync(partition).every((byte) => byte === 0xee));
  });
}
