import t from 'tap';
import { openDatabase } from './database.ts';
import { indexFaults } from './faults.ts';

t.test('check: what cannot be is named, each kind', (t) => {
  const database = openDatabase(':memory:');
  t.same(indexFaults(database), []);
  database.exec(`
    INSERT INTO flares VALUES (x'01', 1, 50, 0, 1, 0, x''), (x'02', 1, 50, 0, 1, 0, x'');
    INSERT INTO entries VALUES (x'01', x'61', x'02', 1, 50, 3, 1), (x'01', x'62', x'02', 1, 50, 3, 1);
    INSERT INTO entries VALUES (x'09', x'61', x'08', 1, 50, 3, 1);
    INSERT INTO chunks VALUES (x'07', 1, 0, 0, x''), (x'02', 1, 0, 20, x'000000000000000a000000010000004000000000000000090000000a000000010000006000000000');
    INSERT INTO chunks VALUES (x'02', 1, 1, 11, x'000000000000000a000000010000004000000000');
    INSERT INTO usage VALUES (1, 0, 0, 8192, 1);
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
      'a parent link of a flare that is not there',
      'sums that are not those of the rows',
      'a chunk whose extents cannot be',
      'a chunk whose extents cannot be',
      'a flare that cannot be read',
      'a flare that cannot be read',
      'usage that is not what the flares take',
    ],
  );
  t.end();
});
