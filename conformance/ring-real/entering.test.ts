import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../lib/ports.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { at, magma, scratch, startVolcano, twoVolcanos, whole } from './lib/ring.ts';

/** The message with which a volcano does not start. */
async function refusal(starting: Promise<unknown>): Promise<string> {
  try {
    await starting;
  } catch (error) {
    return (error as Error).message;
  }
  return 'it was not refused';
}

t.test(
  'who does not fit is refused on both sides, with the cure: another key, another network’s data, a nickname in use, nobody there (issue 4, Join)',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const first = await startVolcano(t, directory, { nickname: 'wallace' });
    const { volcano } = first;

    t.match(
      await refusal(startVolcano(t, directory, { nickname: 'thief', key: 'guess' }, first)),
      /ended with status 1 [\s\S]*cannot start: no volcano of the network could be reached: .* does not have the same key.*is --key the key of that network\?/,
    );
    t.notOk(existsSync(join(directory, 'thief', 'network')), 'its directory is no network’s');
    t.match(volcano.log, /a connection was refused: no network key was proved/);

    const own = await startVolcano(t, directory, { nickname: 'stranger' });
    await own.volcano.stop();
    const strange =
      /the data directory of stranger belongs to network \w{32}, wallace to network \w{32}: start stranger with an empty data directory/;
    t.match(await refusal(startVolcano(t, directory, { nickname: 'stranger' }, first)), strange);
    t.match(volcano.log, new RegExp(`a volcano was refused: ${strange.source}`));

    const taken = /the nickname wallace is in use by another volcano: choose another one \(-n\)/;
    const again = { nickname: 'wallace', directory: join(directory, 'again') };
    t.match(await refusal(startVolcano(t, directory, again, first)), taken);
    t.match(volcano.log, new RegExp(`a volcano was refused: ${taken.source}`));
    t.notOk(existsSync(join(directory, 'again', 'network')));

    const nobody = { ...first, nodePort: await freePort() };
    t.match(
      await refusal(startVolcano(t, directory, { nickname: 'lost' }, nobody)),
      /no volcano of the network could be reached: 127\.0\.0\.1 port \d+: .*ECONNREFUSED/,
    );
    t.match(
      await refusal(startVolcano(t, directory, { nickname: 'empty', entry: [] })),
      /there is no network in .*: boot a new one there \(-b\), or join one \(-r\)/,
    );
  },
);

t.test(
  'a volcano of several is started again with what fits its data directory only: its key, its nickname, its ports',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const [first, second] = await twoVolcanos(t, directory);
    for (const { volcano } of [second, first]) t.equal(await volcano.stop(), 0);
    const as = (nickname: string, more: object) =>
      refusal(startVolcano(t, directory, { nickname, entry: [], directory: join(directory, 'gromit'), ...more }));
    t.match(
      await as('gromit', { key: undefined }),
      /status 2 [\s\S]*one of several, and they talk under the network's key. Cure: give it/,
    );
    t.match(await as('gromit', { key: 'guess' }), /status 2 [\s\S]*not the key of the network in the data directory/);
    t.match(
      await as('shaun', {}),
      /status 2 [\s\S]*this volcano is gromit in its network, and nicknames do not change. Cure/,
    );
    // Who keeps the register serves when it has heard the other one.
    await Promise.all([first, second].map(({ volcano }) => volcano.start([])));
    t.equal(await second.volcano.stop(), 0);
    t.match(
      await as('gromit', {}),
      /status 1 [\s\S]*gromit listens on ports \d+ and \d+, and the map says \d+ and \d+: start it with those/,
    );
    await second.volcano.start([]);
    await whole(t, at(first), 2);
  },
);

t.test(
  'a volcano that was alone becomes the first of a ring when it is given a key: files, handles and answers stay; over IPv6',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const address = '::1';
    // NFS calls come over IPv4, those of volcanos go to the first address.
    const alone = await startVolcano(t, directory, { nickname: 'wallace', key: undefined, flags: ['-i', '127.0.0.1'] });
    const before = await client(t, alone);
    const dht = (await before.nfs.ok('LOOKUP', before.root, '.dht')).handle!;
    t.same([...(await before.nfs.list(dht)).keys()].sort(), ['.', '..', 'projection', 'ring', 'wallace']);
    const handle = (await before.nfs.ok('CREATE', before.root, 'f', { mode: 0o644 })).handle!;
    await before.nfs.ok('WRITE', handle, 0, Buffer.from('cheese'));
    t.equal(await alone.volcano.stop(), 0);

    const ports = async (): Promise<{ flarePort: number; nodePort: number }> => ({
      flarePort: await freePort(),
      nodePort: await freePort(),
    });
    const listen = ({ flarePort, nodePort }: { flarePort: number; nodePort: number }): readonly string[] =>
      `-i ${address} -i 127.0.0.1 -p ${flarePort} --node-port ${nodePort}`.split(' ');
    const at1 = await ports();
    const first = await startVolcano(t, directory, { nickname: 'wallace', entry: [], flags: listen(at1) });
    const via = { ...first, ...at1, address };
    const at2 = await ports();
    const second = await startVolcano(t, directory, { nickname: 'gromit', flags: listen(at2) }, via);
    const { stdout } = await magma(['ring', '--json', ...at(via)]);
    const { volcanos } = JSON.parse(stdout) as { volcanos: readonly { addresses: readonly string[] }[] };
    t.same(
      volcanos.map(({ addresses }) => addresses[0]),
      [address, address],
    );

    const after = await client(t, second);
    t.same((await after.nfs.ok('LOOKUP', after.root, 'f')).handle, handle, 'the same handle at the other volcano');
    t.equal((await after.nfs.ok('READ', handle, 0, 100)).data!.toString(), 'cheese');
    await after.nfs.ok('WRITE', handle, 0, Buffer.from('CH'));
    const there = await client(t, first);
    t.equal((await there.nfs.ok('READ', handle, 0, 100)).data!.toString(), 'CHeese');
  },
);

t.test('SIGTERM ends a start that waits for the others', { timeout: TEST_TIMEOUT }, async (t) => {
  const directory = scratch(t);
  const first = await startVolcano(t, directory, { nickname: 'wallace' });
  const second = await startVolcano(t, directory, { nickname: 'gromit' }, first);
  for (const { volcano } of [second, first]) await volcano.stop();
  // Without the arbiter nobody says which map is the newest.
  const starting = refusal(second.volcano.start([]));
  await second.volcano.says(/the map cannot be read from its store: nothing is served until it is/);
  t.equal(await second.volcano.stop(), 0);
  t.match(await starting, /ended with status 0 before it was ready[\s\S]*stopped before it served/);
});
