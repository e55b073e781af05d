import t from 'tap';
import { NO_KEYS } from '../dht/keys/standing.ts';
import { SLOW_SYNC_MS } from '../flare/kml/sync-times.ts';
import { diskLines, protocolLines } from './ring.ts';

const WELL = {
  ...{ load: 0, capacityBytes: 0, freeBytes: 0, availableBytes: 0, flares: 0, lagRecords: 0, uptimeSeconds: 0 },
  ...{ syncMs: 4, damaged: 0, repaired: 0, protocol: 1, keys: NO_KEYS },
};

t.test('magma ring names a disk that is slow, and one that has forgotten something', async (t) => {
  t.same(diskLines('gromit', WELL), []);
  t.same(diskLines('gromit', { ...WELL, syncMs: SLOW_SYNC_MS - 1 }), []);
  t.same(diskLines('gromit', { ...WELL, syncMs: 900, damaged: 3, repaired: 2 }), [
    'slow disk on gromit: a sync takes 900 ms',
    'DAMAGE on the disk of gromit: 3 records of its log, 2 of which came anew from another volcano',
  ]);
});

t.test('magma ring names those who keep the network from a newer protocol', async (t) => {
  const volcano = (nickname: string, protocol: number) => ({ nickname, figures: { ...WELL, protocol } });
  const away = { nickname: 'penguin', problem: 'it does not answer' };
  t.same(protocolLines(1, [volcano('wallace', 1), away]), []);
  t.same(protocolLines(1, [volcano('wallace', 2), volcano('gromit', 1), away]), [
    'the network is at protocol 1; it goes on to that of a newer magma when gromit, penguin run it, too',
  ]);
  t.match(protocolLines(1, [volcano('wallace', 2)]), [/when its volcanos have told each other of theirs/]);
});
