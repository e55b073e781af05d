import { readdirSync } from 'node:fs';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { openDisk } from '../../base/system-disk.ts';
import { openKml } from '../kml/kml.ts';
import { checkIndex } from './check.ts';
import { openDatabase } from './database.ts';
import { indexFaults } from './faults.ts';
import { inlineIndexHost } from './inline-host.ts';
import { change, flareState, recordOf } from './testing/records.ts';

t.test('check: the index equals one that is rebuilt from the log; a row that was tampered with is named', async (t) => {
  const path = t.testdir();
  const disk = await openDisk(path);
  const host = await inlineIndexHost();
  const kml = await openKml({ disk, logger: silentLogger, networkId: Buffer.alloc(16) });
  kml.onDurable((batch) => host.apply(batch));
  const changes = [
    change.flare(flareState('d', { type: 2 })),
    change.flare(flareState('f')),
    change.entry('d', 'n', 'f', 3),
  ];
  await kml.whenDurable(kml.append([recordOf(changes)]).lsn);
  const scratch = { disk, name: 'check.sqlite' };
  t.same(await checkIndex(kml, host.database, scratch), { differences: [], faults: [] });
  t.notOk(
    readdirSync(path).some((name) => name.startsWith('check.sqlite')),
    'it leaves nothing behind',
  );
  host.database.exec('UPDATE entries SET cookie = 4');
  const { differences } = await checkIndex(kml, host.database);
  t.match(differences, [{ table: 'entries', left: /"cookie":4/, right: /"cookie":3/ }]);
  await kml.close();
});

t.test('check: what cannot be is named, each kind', (t) => {
  const database = openDatabase(':memory:');
  t.same(indexFaults(database), []);
  database.exec(`
    INSERT INTO flares VALUES (x'01', 1, 50, 0, 1, 0, x''), (x'02', 1, 50, 0, 1, 0, x'');
    INSERT INTO entries VALUES (x'01', x'61', x'02', 1, 50, 3, 1), (x'01', x'62', x'02', 1, 50, 3, 1);
    INSERT INTO entries VALUES (x'09', x'61', x'08', 1, 50, 3, 1);
    INSERT INTO extents VALUES (x'07', 1, 0, 10, 1, 64), (x'02', 1, 0, 10, 1, 64), (x'02', 1, 9, 10, 1, 64);
    INSERT INTO parents VALUES (x'07', 1, x'01', 1, 1, 1);
  `);
  t.same(
    indexFaults(database).map(({ what }) => what),
    [
      'a fileid that several flares have',
      'a cookie that several entries of a directory have',
      'an entry for a flare that is not there',
      'an entry in a directory that is not there',
      'data of a flare that is not there',
      'extents of a file that overlap',
      'a parent link of a flare that is not there',
      'sums that are not those of the rows',
    ],
  );
  t.end();
});
