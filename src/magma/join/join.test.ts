import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../magmad/config.ts';
import { clockFinding, mapsFinding, ROOM_LEAST, roomFinding, versionFinding } from './findings.ts';
import { addressFinding, directoryOf, portsFinding, roomOf } from './host.ts';
import { commandLine, type Recipe, tomlText } from './recipe.ts';

function configOf(words: readonly string[]) {
  const request = readConfig(words, { MAGMA_KEY: 'secret key' });
  if (!('config' in request)) throw new Error('no configuration');
  return request.config;
}

t.test('clocks: which way and how far, between the two readings; half of what may be is told', async (t) => {
  const at = (seconds: number) => clockFinding({ nickname: 'wallace', clock: 1e15 + seconds * 1e6 }, 1e15, 1e15 + 2e5);
  t.match(at(1.1), { result: 'yes', text: /^1\.00 s behind wallace's, give or take 0\.10 s/ });
  t.match(at(-0.9), { result: 'yes', text: /^1\.00 s ahead of wallace's/ });
  t.match(at(3), { result: 'mind', text: /set both clocks/ });
});

t.test('versions, maps and room: what is well, what is not, and the cure', async (t) => {
  t.equal(versionFinding({ nickname: 'w', version: '1' }, '1').result, 'yes');
  t.match(versionFinding({ nickname: 'w', version: '2' }, '1'), {
    result: 'mind',
    text: '1 here, 2 on w: run the same on both',
  });
  t.equal(mapsFinding('wallace', true, false).result, 'yes');
  t.match(mapsFinding('wallace', false, false), { result: 'no', text: /magma takeover/ });
  t.match(mapsFinding('wallace', true, true), { result: 'no', text: /leave --etcd out/ });
  t.match(mapsFinding(null, false, false), { result: 'no', text: /the same --etcd URLs/ });
  t.equal(mapsFinding(null, false, true).result, 'yes');
  t.match(roomFinding(ROOM_LEAST - 1, []), { result: 'no', text: /512\.0 MiB/ });
  t.match(roomFinding(ROOM_LEAST, [3, 2]), { result: 'yes', text: /least has 2 B$/ });
});

t.test('a data directory is looked at and not made; what is no place for one is told', async (t) => {
  const directory = t.testdir({ file: 'x', foreign: { 'photo.jpg': '' }, empty: {} });
  const look = async (name: string) => (await directoryOf(join(directory, name))).finding;
  t.match(await look('new/er'), { result: 'yes', text: /does not exist yet/ });
  t.match(await look('empty'), { result: 'yes', text: /is empty/ });
  t.match(await look('file'), { result: 'no', text: /is no directory/ });
  t.match(await look('foreign'), { result: 'no', text: /is no magma directory: it holds "photo\.jpg"/ });
  t.same(spawnSync('ls', [directory], { encoding: 'utf8' }).stdout, 'empty\nfile\nforeign\n');
  t.ok(roomOf(join(directory, 'new/er')) > 0);
});

t.test('ports that are taken are told, with the flag; free ones and 0 are not', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const ports = { addresses: ['127.0.0.1'], nfsPort: 0, mountPort: 0, port: 0, nodePort: 0 };
  t.match(await portsFinding({ ...ports, nodePort: port }), { result: 'no', text: `${port} is taken (--node-port)` });
  t.match(await portsFinding(ports), { result: 'yes' });
  t.match(await portsFinding({ ...ports, addresses: ['192.0.2.1'], port }), {
    result: 'no',
    text: /no address 192\.0\.2\.1/,
  });
  t.match(addressFinding({ addresses: ['127.0.0.1'] }, '192.0.2.20'), { result: 'no', text: /Cure: --address/ });
  t.match(addressFinding({ addresses: ['127.0.0.1'] }, '127.0.0.1'), { result: 'yes' });
});

t.test('the magmad.toml and the command line say to magmad what was meant, whatever is in it', async (t) => {
  const directory = t.testdir();
  const odd = join(directory, `o'dd "dir`);
  mkdirSync(odd);
  const words = [
    '--data',
    odd,
    '--address',
    'fd00::1',
    '--address',
    '192.0.2.3',
    '--nfs-port',
    '3049',
    '--share',
    '/a b * r',
  ];
  const config = configOf(words.with(9, '/ 192.0.2.0/24 w'));
  const recipe: Recipe = {
    nickname: 'gromit',
    through: { host: 'fd00::2', port: 12_001 },
    config,
    keyFile: join(odd, 'key'),
  };
  const file = join(directory, 'magmad.toml');
  writeFileSync(file, tomlText(recipe));
  writeFileSync(join(odd, 'key'), 'secret key\n');
  chmodSync(join(odd, 'key'), 0o600);
  const pick = ({ nickname, data, addresses, join: through, nfsPort, mountPort, shares, key }: typeof config) => ({
    ...{ nickname, data, addresses, through, nfsPort, mountPort, key },
    shares: shares.map(({ rule }) => rule),
  });
  const wanted = { ...pick(config), nickname: 'gromit', through: [recipe.through] };
  const read = (given: readonly string[]) => {
    const request = readConfig(given, {});
    return 'config' in request ? pick(request.config) : null;
  };
  t.same(read(['--config', file]), wanted);
  const line = commandLine(recipe);
  const shell = spawnSync('sh', ['-c', `magmad() { for w; do printf '%s\\n' "$w"; done; }; ${line}`], {
    encoding: 'utf8',
  });
  t.same(read(shell.stdout.trimEnd().split('\n')), wanted);
  const without = { ...recipe, keyFile: null };
  t.match(tomlText(without), /^# key-file = /m);
  t.match(commandLine(without), / --key-file FILE$/);
  t.notMatch(tomlText(without) + commandLine(without), /secret key/);
});
