import t from 'tap';
import { seededRandom } from './random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SECTOR_BYTES } from './simulated-file.ts';
import { VirtualTime } from './virtual-clock.ts';

const CUTS = 60;

/** What is seen after a power cut of such a disk, over many seeds. */
async function outcomes(
  prepare: (disk: SimulatedDisk) => Promise<void>,
  look: (disk: SimulatedDisk) => string,
): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 0; seed < CUTS; seed++) {
    const disk = new SimulatedDisk();
    await prepare(disk);
    seen.add(look(disk.powerCut(seededRandom(seed))));
  }
  return seen;
}

function bytesOrNone(name: string): (disk: SimulatedDisk) => string {
  return (disk) => {
    try {
      return disk.content(name).toString('latin1');
    } catch {
      return 'none';
    }
  };
}

t.test('what was written durably under a durable name is there after every power cut', async (t) => {
  const seen = await outcomes(async (disk) => {
    const file = await disk.create('f');
    await file.writeDurable([Buffer.from('one'), Buffer.from('two')], 0);
    await disk.syncDirectory('');
  }, bytesOrNone('f'));
  t.same([...seen], ['onetwo']);
});

t.test(
  'a name without syncDirectory is lost or kept; so is a removal, and a rename is whole or not at all',
  async (t) => {
    const created = await outcomes(async (disk) => {
      await (await disk.create('f')).writeDurable([Buffer.from('x')], 0);
    }, bytesOrNone('f'));
    t.same([...created].sort(), ['none', 'x']);
    const synced = async (disk: SimulatedDisk): Promise<void> => {
      await (await disk.create('f')).writeDurable([Buffer.from('x')], 0);
      await disk.syncDirectory('');
    };
    const removed = await outcomes(async (disk) => {
      await synced(disk);
      await disk.remove('f');
    }, bytesOrNone('f'));
    t.same([...removed].sort(), ['none', 'x']);
    const renamed = await outcomes(
      async (disk) => {
        await synced(disk);
        await disk.rename('f', 'g');
      },
      (disk) => `${bytesOrNone('f')(disk)} ${bytesOrNone('g')(disk)}`,
    );
    t.same([...renamed].sort(), ['none x', 'x none']);
  },
);

t.test('a write whose sync never came is torn by sectors: there, lost, or any part of it', async (t) => {
  const whole = Buffer.concat([1, 2, 3].map((value) => Buffer.alloc(SECTOR_BYTES, value)));
  const seen = await outcomes(
    async (disk) => {
      const file = await disk.create('f');
      await disk.syncDirectory('');
      disk.stopAt(disk.steps + 1);
      await t.rejects(file.writeDurable([whole], 0), { code: 'EPOWER' });
    },
    (disk) => {
      const bytes = disk.content('f');
      for (let at = 0; at < bytes.length; at++) {
        const value = bytes[at]!;
        if (value !== 0 && value !== whole[at]) return 'wrong bytes';
        if (value !== 0 && bytes[at - (at % SECTOR_BYTES)] !== value) return 'half a sector';
      }
      return `${[0, 1, 2].map((sector) => bytes[sector * SECTOR_BYTES] ?? '-').join('')}`;
    },
  );
  t.ok(seen.has('123'), 'there');
  t.ok(seen.has('---'), 'lost');
  t.ok(seen.has('023') || seen.has('103') || seen.has('003'), 'a later sector without an earlier one');
  t.notOk(seen.has('wrong bytes'));
  t.notOk(seen.has('half a sector'));
});

t.test('the power can be cut before a write, before its sync and before its answer', async (t) => {
  const after: string[][] = [];
  for (let step = 0; step < 3; step++) {
    const seen = await outcomes(async (disk) => {
      const file = await disk.create('f');
      await disk.syncDirectory('');
      disk.stopAt(disk.steps + step);
      await file.writeDurable([Buffer.from('x')], 0).catch(() => {});
      t.ok(disk.stopped);
    }, bytesOrNone('f'));
    after.push([...seen].sort());
  }
  t.same(after[0], [''], 'before: nothing is ever there');
  t.ok(after[1]!.includes('') && after[1]!.includes('x'), 'between: lost or there');
  t.same(after[2], ['x'], 'after: there, and nobody was told');
});

t.test('what was cut off and not synced is there or gone; synced, it is gone', async (t) => {
  const cut = async (disk: SimulatedDisk): Promise<void> => {
    const file = await disk.create('f');
    await file.writeDurable([Buffer.from('abc')], 0);
    await disk.syncDirectory('');
    await file.truncate(9);
    await file.truncate(1);
    t.equal(await file.size(), 1);
  };
  t.same([...(await outcomes(cut, bytesOrNone('f')))].sort(), ['a', 'abc']);
  const synced = async (disk: SimulatedDisk): Promise<void> => {
    await cut(disk);
    const file = await disk.open('f', { uncached: true });
    t.equal(await file.size(), 1);
    await file.sync();
    await file.writeDurable([Buffer.from('d')], 2);
  };
  t.same([...(await outcomes(synced, bytesOrNone('f')))], ['a\0d'], 'what was cut off does not come back');
});

t.test('a failed sync is told to each handle once, as Linux does', async (t) => {
  const disk = new SimulatedDisk();
  const one = await disk.create('f');
  const other = await disk.open('f');
  disk.fail('sync', 1, 'EIO');
  await t.rejects(one.sync(), { code: 'EIO' });
  await t.rejects(other.writeDurable([Buffer.from('a')], 0), { code: 'EIO' });
  await one.sync();
  await other.sync();
});

t.test('failures: the n-th write or sync, no room, rot', async (t) => {
  const disk = new SimulatedDisk({ capacity: 1000 });
  const file = await disk.create('f');
  disk.fail('write', 2, 'EIO');
  disk.fail('sync', 3, 'EIO');
  await file.writeDurable([Buffer.from('a')], 0);
  await t.rejects(file.writeDurable([Buffer.from('b')], 1), { code: 'EIO' });
  await file.sync();
  await t.rejects(file.sync(), { code: 'EIO' });
  await t.rejects(file.writeDurable([Buffer.alloc(2000)], 1), { code: 'ENOSPC' });
  t.match(disk.space(), { total: 1000 });
  disk.flipBit('f', 0, 1);
  t.equal(disk.content('f')[0], 'a'.charCodeAt(0) ^ 2);
});

t.test('as the real one: names are taken once, missing ones are ENOENT, the lock is held once', async (t) => {
  const disk = new SimulatedDisk();
  await t.rejects(disk.open('f'), { code: 'ENOENT' });
  await t.rejects(disk.create('d/f'), { code: 'ENOENT' });
  await disk.makeDirectory('d/e');
  await disk.create('d/f');
  await t.rejects(disk.create('d/f'), { code: 'EEXIST' });
  t.same((await disk.list('d')).sort(), ['e', 'f']);
  t.same(await disk.list('nowhere'), []);
  const lock = await disk.lock();
  t.equal(await disk.lock(), null);
  lock!.release();
  t.not(await disk.lock(), null);
  t.not(await disk.powerCut(seededRandom(1)).lock(), null, 'it dies with its process');
});

t.test(
  'a slow disk: each operation takes its time on the given clock, and a process that was killed gets no answer',
  async (t) => {
    const time = new VirtualTime();
    const clock = time.clock();
    const disk = new SimulatedDisk({ clock });
    const file = await disk.create('f');
    t.equal(time.now, 0, 'it takes no time unless told');
    disk.delays = { read: 1, write: 2, sync: 30, name: 4 };
    const took = async (operation: () => Promise<unknown>): Promise<number> => {
      const start = time.now;
      await time.settle(operation(), 1000);
      return (time.now - start) / 1000;
    };
    t.equal(await took(() => file.writeDurable([Buffer.from('x')], 0)), 32);
    t.equal(await took(() => file.sync()), 30);
    t.equal(await took(() => disk.syncDirectory('')), 30);
    t.equal(await took(() => file.read(Buffer.alloc(1), 0)), 1);
    for (const operation of [
      () => disk.create('g'),
      () => disk.open('g'),
      () => disk.list(''),
      () => disk.rename('g', 'h'),
      () => disk.remove('h'),
    ])
      t.equal(await took(operation), 4);
    let answered = false;
    const answer = (): void => {
      answered = true;
    };
    file.writeDurable([Buffer.from('y')], 1).then(answer, answer);
    await time.run(3);
    clock.stop();
    await time.run(1000);
    t.equal(answered, false);
  },
);

t.test(
  'kill -9: all that was written is there for the next process, and what was not synced can still be lost',
  async (t) => {
    const seen = new Set<string>();
    for (let seed = 0; seed < CUTS; seed++) {
      const disk = new SimulatedDisk();
      const file = await disk.create('f');
      await disk.syncDirectory('');
      t.not(await disk.lock(), null);
      disk.stopAt(disk.steps + 1);
      await t.rejects(file.writeDurable([Buffer.from('x')], 0), { code: 'EPOWER' });
      const next = disk.killed();
      await t.rejects(disk.open('f'), { code: 'EPOWER' }, 'the old process is gone');
      t.equal(next.content('f').toString(), 'x');
      t.not(await next.lock(), null);
      seen.add(bytesOrNone('f')(next.powerCut(seededRandom(seed))));
    }
    t.ok(seen.has('') && seen.has('x'));
  },
);
