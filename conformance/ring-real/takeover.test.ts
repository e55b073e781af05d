import t, { type Test } from 'tap';
import { ETCD, EtcdCluster } from '../clients/etcd.ts';
import { unmet } from '../lib/requirements.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { opaque, UdpWire } from '../lib/wire.ts';
import { client } from './lib/client.ts';
import { at, magma, type RingVolcano, scratch, startVolcano, whole } from './lib/ring.ts';

/* Real processes, and the operator's tool: the volcano that keeps the maps is gone, or slices are that nobody else has (issue 6, takeover). */

const FILES = 20;
const MORE = ['--failover', '3'];

const data = (name: string): Buffer => Buffer.alloc(3000, `${name} `);

async function make(t: Test, through: RingVolcano, round: string): Promise<string[]> {
  const { nfs, root } = await client(t, through);
  const names = Array.from({ length: FILES }, (_, n) => `${round}-${n}`);
  for (const name of names) {
    const { handle } = await nfs.ok('CREATE', root, name, { mode: 0o644 });
    await nfs.ok('WRITE', handle!, 0, data(name));
  }
  return names;
}

async function check(t: Test, through: RingVolcano, names: readonly string[]): Promise<void> {
  const { nfs, root } = await client(t, through);
  const wrong: string[] = [];
  for (const name of names) {
    const { handle } = await nfs.ok('LOOKUP', root, name);
    const { data: read } = await nfs.ok('READ', handle!, 0, 8192);
    if (!read!.equals(data(name))) wrong.push(name);
  }
  t.same(wrong, [], `${names.length} files as they were written, seen through ${through.nickname}`);
}

async function keeperOf(asked: readonly string[]): Promise<string | undefined> {
  const { stdout } = await magma(['ring', '--json', ...asked]);
  const { volcanos } = JSON.parse(stdout) as { volcanos: readonly { nickname: string; arbiter: boolean }[] };
  return volcanos.find(({ arbiter }) => arbiter)?.nickname;
}

t.test(
  'The first of two is gone: nothing is served; magma takeover on the second: all is, and nothing is lost; the first comes back and is one of two; not needed is said',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const first = await startVolcano(t, directory, { nickname: 'wallace', more: MORE });
    const second = await startVolcano(t, directory, { nickname: 'gromit', more: MORE }, first);
    await whole(t, at(second), 2);
    const names = await make(t, second, 'before');
    t.match(await magma(['takeover', '--yes', ...at(second)]), {
      status: 1,
      stderr: /wallace keeps the maps, and answers: nothing is to be taken over/,
    });
    await first.volcano.kill();
    t.match(await magma(['takeover', ...at(second)]), {
      status: 2,
      stderr: /wallace MUST BE OFF NOW[\s\S]*no terminal to ask/,
    });
    const done = await magma(['takeover', '--yes', ...at(second)]);
    t.match(done, { status: 0, stdout: /^gromit keeps the maps from now on/ }, done.stderr);
    t.match(done.stderr, /slices missing: +0\n/);
    names.push(...(await make(t, second, 'without')));
    await check(t, second, names);

    await first.volcano.start([]);
    await whole(t, at(second), 2);
    t.equal(await keeperOf(at(first)), 'gromit');
    names.push(...(await make(t, first, 'after')));
    await check(t, first, names);
    const online = await magma(['check', '--ring', ...at(first)]);
    t.match(online, { status: 0, stdout: /256 copies of slices compared\nsound\n$/ }, online.stdout + online.stderr);

    // Both stop, and who keeps the maps is alone: it waits for the other one, or for the operator's word.
    for (const { volcano } of [first, second]) t.equal(await volcano.stop(), 0);
    let serves = false;
    const starting = second.volcano.start([]).then(() => {
      serves = true;
    });
    await second.volcano.says(/1 of wallace must be heard first/);
    t.notOk(serves);
    t.match(await magma(['takeover', '--yes', ...at(second)]), {
      status: 1,
      stderr: /too few volcanos are there.*Cure: start wallace/,
    });
    t.match(await magma(['takeover', '--yes', '--accept-loss', ...at(second)]), { status: 0 });
    await starting;
    await check(t, second, names);
    await first.volcano.start([]);
    await whole(t, at(second), 2);
    await check(t, first, names);
    for (const { volcano } of [first, second]) t.equal(await volcano.stop(), 0);
  },
);

/** The second of two volcanos without mirrors is gone for good. `more`: where the maps lie; `why`: what the operator is told of that. */
async function onlyCopyGone(t: Test, told: readonly string[], why: RegExp): Promise<void> {
  const directory = scratch(t);
  const more = [...MORE, '--replicas', '1', ...told];
  const first = await startVolcano(t, directory, { nickname: 'wallace', more });
  const second = await startVolcano(t, directory, { nickname: 'gromit', more }, first);
  await whole(t, at(first), 2);
  await make(t, first, 'both');
  await second.volcano.kill();
  t.match(await magma(['dead', '--yes', ...at(first), 'gromit']), {
    status: 1,
    stderr: /slices are in sync on gromit alone/,
  });
  const asked = await magma(['takeover', '--yes', ...at(first)]);
  t.match(asked, { status: 1, stderr: why });
  t.match(asked.stderr, /128 slices are in sync only on volcanos that are away/);
  const given = await magma(['takeover', '--yes', '--accept-loss', ...at(first)]);
  t.match(
    given,
    { status: 0, stdout: /^128 slices were given up/, stderr: /GIVEN UP: slices .* served by wallace/ },
    given.stderr,
  );
  await first.volcano.says(/the loss is noted/);
  const wire = await UdpWire.open(first.volcano.mountPort, first.address);
  t.teardown(() => wire.close());
  const stat = { xid: 1, program: 100_024, version: 1, procedure: 1, args: opaque('x') };
  const said = await wire.call(stat);
  t.ok(!said.denied && said.results.readUInt32BE(4) >= 3, 'the state number of the status monitor says so, too');
  t.match(await magma(['dead', '--yes', ...at(first), 'gromit']), { status: 0 });
  const { nfs, root } = await client(t, first);
  t.ok(await nfs.ok('CREATE', root, 'afterwards', { mode: 0o644 }), 'all slices are served');
  t.equal(await first.volcano.stop(), 0);
}

t.test(
  'Slices of a volcano that is gone with the only copy: not served, and not given up unless that is said; then the rest is there',
  { timeout: TEST_TIMEOUT },
  (t) => onlyCopyGone(t, [], /wallace keeps the maps, and answers/),
);

t.test('The same with the maps in etcd', { timeout: TEST_TIMEOUT, skip: unmet(ETCD) }, async (t) => {
  const etcd = await EtcdCluster.start();
  t.teardown(() => etcd.stop());
  const told = ['--etcd', etcd.endpoints[0]!.origin];
  await onlyCopyGone(t, told, /the maps of this network lie in etcd: no volcano keeps them/);
});
