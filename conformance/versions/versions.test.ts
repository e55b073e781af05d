import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { LONG } from '../../src/base/testing/seed.ts';
import { PROTOCOLS } from '../../src/dht/protocols.ts';
import { run } from '../lib/run.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { Volcano } from '../lib/volcano.ts';
import { client } from '../ring-real/lib/client.ts';
import { NumberedFiles } from '../ring-real/lib/files.ts';
import { at, KEY, magma, NICKNAMES, type RingVolcano, scratch, startVolcano, whole } from '../ring-real/lib/ring.ts';
import { makeFirst, type Sampled, sampleOf } from './lib/sample.ts';

/*
 * What released versions have left: their data directories, and, from the first one with a ring on, their programs as peers (docs/upgrading.md, "At a release").
 */

const HERE = fileURLToPath(new URL('./', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DATA_BYTES_MAX = 200 * 1024;
const PROGRAM_BYTES_MAX = 3 * 1024 * 1024;
const UNPACKED_MS = 60_000;

const versions = readdirSync(HERE).filter((name) => /^\d+\.\d+\.\d+$/.test(name));

async function unpack(archive: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  const { status, stderr } = await run('tar', ['-x', '-z', '--no-same-owner', '-f', archive, '-C', into], {
    timeoutMs: UNPACKED_MS,
  });
  if (status !== 0) throw new Error(stderr);
}

t.ok(versions.includes('0.1.0'), 'the first version is kept');
for (const version of versions) {
  t.test(
    `The data directory of ${version}: its tree and its handles are there, alone and as the first volcano of a ring`,
    { timeout: TEST_TIMEOUT },
    async (t) => {
      const archive = join(HERE, version, 'data.tar.gz');
      t.ok(statSync(archive).size <= DATA_BYTES_MAX);
      const kept = JSON.parse(readFileSync(join(HERE, version, 'tree.json'), 'utf8')) as {
        root: string;
        tree: readonly Sampled[];
      };
      const directory = scratch(t);
      await unpack(archive, directory);
      const own = join(directory, 'data');
      const alone = await Volcano.start(t, { directory: own, nickname: 'wallace', flags: ['-i', '127.0.0.1'] });
      const { nfs, root } = await client(t, { volcano: alone });
      t.equal(root.toString('hex'), kept.root, 'clients that have it mounted go on');
      t.same(await sampleOf(nfs, root), kept.tree);
      await alone.stop();
      const checked = await magma(['check', own]);
      t.equal(checked.status, 0, checked.stdout + checked.stderr);

      const first = await startVolcano(t, directory, { nickname: 'wallace', directory: own });
      const second = await startVolcano(t, directory, { nickname: 'gromit' }, first);
      await whole(t, at(first), 2);
      const other = await client(t, second);
      t.equal(other.root.toString('hex'), kept.root);
      t.same(await sampleOf(other.nfs, other.root), kept.tree, 'by way of a volcano that joined');
      const file = kept.tree.find(({ type, size }) => type === 1 && size > 0)!;
      await other.nfs.ok('WRITE', Buffer.from(file.handle, 'hex'), 0, Buffer.from('written by a newer version'));
      for (const { volcano } of [second, first]) t.equal(await volcano.stop(), 0);
    },
  );
}

const programs = versions.filter((version) => existsSync(join(HERE, version, 'magma.tgz')));
const skip = programs.length === 0 && !LONG ? 'no version with a ring has been released' : false;

/** Programs of released versions, unpacked; in the long form this one as well, so that what is done with them is known to work. */
async function peers(t: Test): Promise<{ readonly name: string; readonly program: string }[]> {
  const found = LONG ? [{ name: 'this version', program: join(ROOT, 'bin', 'magmad') }] : [];
  for (const version of programs) {
    const archive = join(HERE, version, 'magma.tgz');
    t.ok(statSync(archive).size <= PROGRAM_BYTES_MAX, version);
    const directory = scratch(t);
    await unpack(archive, directory);
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'package', 'node_modules'));
    found.push({ name: version, program: join(directory, 'package', 'bin', 'magmad') });
  }
  return found;
}

t.test(
  'Programs of released versions with a ring, in rings with this one',
  { timeout: TEST_TIMEOUT, skip },
  async (t) => {
    for (const { name, program } of await peers(t)) {
      for (const [began, theirs] of [
        ['theirs', program],
        ['ours', undefined],
      ] as const) {
        const directory = scratch(t);
        const old = theirs === undefined ? {} : { program };
        const first = await startVolcano(t, directory, { nickname: 'wallace', ...old });
        const joins = theirs === undefined ? { program } : {};
        const second = await startVolcano(t, directory, { nickname: 'gromit', ...joins }, first);
        await whole(t, at(first), 2);
        const [one, two] = [await client(t, first), await client(t, second)];
        await makeFirst(one.nfs, one.root);
        const tree = await sampleOf(one.nfs, one.root);
        t.same(await sampleOf(two.nfs, two.root), tree, `${name}; ${began} began`);
        const replaced = theirs === undefined ? second : first;
        t.equal(await replaced.volcano.stop(), 0);
        const { nickname, flarePort, nodePort } = replaced;
        const flags = ['-i', '127.0.0.1', '-p', `${flarePort}`, '--node-port', `${nodePort}`];
        const volcano = await Volcano.start(t, {
          ...{ directory: join(directory, nickname), nickname, entry: [], key: KEY, flags },
        });
        await whole(t, at(first), 2);
        const after = await client(t, { volcano });
        t.same(await sampleOf(after.nfs, after.root), tree, `${name} was replaced by this version`);
        for (const each of [first, second]) if (each !== replaced) await each.volcano.stop();
        await volcano.stop();
      }
    }
  },
);

/** A made-up next version of this program: it speaks one protocol more. Resolves with where it is. */
function nextVersion(directory: string): string {
  for (const name of ['bin', 'src', 'package.json'])
    cpSync(join(ROOT, name), join(directory, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const file = join(directory, 'src', 'dht', 'protocols.ts');
  const most = (protocol: number): string => `PROTOCOLS: Protocols = { least: ${PROTOCOLS.least}, most: ${protocol} }`;
  const [before, after] = readFileSync(file, 'utf8').split(most(PROTOCOLS.most));
  if (after === undefined) throw new Error(`${file} does not say ${most(PROTOCOLS.most)}`);
  writeFileSync(file, before + most(PROTOCOLS.most + 1) + after);
  return directory;
}

/** What `magma ring` of that version says once all volcanos serve and every file has its copies: the network's protocol. */
async function protocolOf(version: string, volcano: RingVolcano): Promise<number> {
  for (;;) {
    const words = ['ring', '--json', ...at(volcano)];
    const { status, stdout } = await run(join(version, 'bin', 'magma'), words, { env: { MAGMA_KEY: KEY } });
    if (status !== 0) continue;
    const { protocol, volcanos } = JSON.parse(stdout) as {
      protocol: number;
      volcanos: readonly { state: string; filling: number }[];
    };
    if (volcanos.every(({ state, filling }) => state === 'serving' && filling === 0)) return protocol;
  }
}

t.test(
  'Under load, a ring of three goes over to a made-up next version, one volcano after the other: no call fails, both versions work together, and then the network speaks its protocol (docs/upgrading.md, "Do it")',
  { timeout: TEST_TIMEOUT, skip: LONG ? false : 'of the long form' },
  async (t) => {
    const directory = scratch(t);
    const installed = join(directory, 'installed');
    const install = (version: string): void => {
      rmSync(installed, { force: true });
      symlinkSync(version, installed);
    };
    install(ROOT);
    const ring: RingVolcano[] = [];
    for (const nickname of NICKNAMES)
      ring.push(await startVolcano(t, directory, { nickname, program: join(installed, 'bin', 'magmad') }, ring.at(-1)));
    const [first, second, third] = ring as [RingVolcano, RingVolcano, RingVolcano];
    t.equal(await protocolOf(installed, first), PROTOCOLS.most);
    const caller = await client(t, first);
    const files = new NumberedFiles(caller.nfs, caller.root).begin();
    install(nextVersion(join(directory, 'next')));
    // Who keeps the maps is the last one.
    for (const { volcano } of [third, second, first]) {
      await files.reach(files.made + 20);
      t.equal(await protocolOf(installed, first), PROTOCOLS.most);
      t.equal(await volcano.stop(), 0);
      await volcano.start([]);
    }
    while ((await protocolOf(installed, first)) === PROTOCOLS.most);
    t.match(
      await magma(['ring', ...at(first)]),
      { status: 1, stderr: /run a newer magma/ },
      'the tool is to be a new one, too',
    );
    await files.reach(files.made + 20);
    await files.end();
    await files.check(t, await client(t, second));

    install(ROOT);
    t.equal(await third.volcano.stop(), 0);
    await t.rejects(third.volcano.start([]), /run a newer magma there/, 'there is no way back');
    for (const { volcano } of [second, first]) await volcano.stop();
  },
);
