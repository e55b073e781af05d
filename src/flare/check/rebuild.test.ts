import { readdirSync } from 'node:fs';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { openDisk } from '../../base/system-disk.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { change, flareState, recordOf } from '../index/testing/records.ts';
import { openKml } from '../kml/kml.ts';
import { checkIndex, Rebuild } from './rebuild.ts';

t.test('check: the index equals one that is rebuilt from the log; a row that was tampered with is named', async (t) => {
  const path = t.testdir();
  const disk = await openDisk(path);
  const host = await inlineIndexHost();
  const kml = await openKml({ disk, logger: silentLogger, networkId: Buffer.alloc(16) });
  const rebuild = new Rebuild(host);
  kml.onDurable((batch) => rebuild.batch(batch));
  const changes = [
    change.flare(flareState('d', { type: 2 })),
    change.flare(flareState('f')),
    change.entry('d', 'n', 'f', 3),
  ];
  await kml.whenDurable(kml.append([recordOf(changes)]).lsn);
  await rebuild.done();
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
