import t from 'tap';
import { fromLinked } from '../rpc/xdr/linked.ts';
import { dumpReply, exportReply, LIST_BYTES_MAX, PATHCONF, PATHCONF_ERROR } from './replies.ts';
import { codecs } from './schema.ts';

t.test('lists are cut where their bytes would not fit the reply (LIST_BYTES_MAX)', async (t) => {
  const mounts = Array.from({ length: 1000 }, (_, at) => ({ client: `10.0.0.${at}`, path: `/${'x'.repeat(1000)}` }));
  for (const transport of ['udp', 'tcp'] as const) {
    const dump = codecs.mountlist.encode(dumpReply(mounts, transport));
    t.ok(dump.length <= LIST_BYTES_MAX[transport] + 4, transport);
    t.ok(dump.length > LIST_BYTES_MAX[transport] - 2000, 'and not sooner');
    const exports = mounts.map(({ path }) => ({ path, networks: ['10.0.0.0/8', 'a'.repeat(253)] }));
    const encoded = codecs.exportlist.encode(exportReply(exports, transport));
    t.ok(encoded.length <= LIST_BYTES_MAX[transport] + 4 && encoded.length > LIST_BYTES_MAX[transport] - 2000);
  }
});

t.test('EXPORT: no groups are everyone; where the share’s own rules let nobody in there is a group', async (t) => {
  const shown = fromLinked(
    exportReply(
      [
        { path: '/a', networks: null },
        { path: '/b', networks: [] },
        { path: '/c', networks: ['10.0.0.0/8', 'crate7'] },
      ],
      'udp',
    ),
  );
  t.same(
    shown.map((one) => [String(one.directory), ...fromLinked(one.groups).map((group) => String(group.name))]),
    [['/a'], ['/b', '-'], ['/c', '10.0.0.0/8', 'crate7']],
  );
});

t.test('ppathcnf has ten words; its mask says which figures are none, and what is true', async (t) => {
  const words = (bytes: Buffer) => Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt32BE(at * 4));
  t.same(words(codecs.ppathcnf.encode(PATHCONF)), [65000, 0, 0, 255, 1024, 0, 0, 0, 0x3cc, 0]);
  t.same(words(codecs.ppathcnf.encode(PATHCONF_ERROR)), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
});
