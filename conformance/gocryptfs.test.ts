import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemRandom } from '../src/base/random.ts';
import type { Goal } from '../src/client-fuse/crypto/changes.ts';
import { CipherError } from '../src/client-fuse/crypto/errors.ts';
import { outcome } from '../src/client-fuse/crypto/testing/model.ts';
import { changePassphrase, unlock } from '../src/client-fuse/crypto/vault.ts';
import { GOCRYPTFS, GocryptfsPlace, LOG_N } from './clients/gocryptfs.ts';
import { CipherDirectory, readConf, writeConf } from './lib/cipher-directory.ts';
import { unmet } from './lib/requirements.ts';
import {
  at,
  changePlain,
  checkSampleTree,
  NAMES,
  ROOT_NAMES,
  SAMPLES,
  sorted,
  TARGETS,
  write,
  writeSampleTree,
} from './lib/sample-tree.ts';
import { seeded } from './lib/seed.ts';

const skip = unmet(GOCRYPTFS);
const PASSPHRASE = 'correct horse battery staple';

function place(t: Test): GocryptfsPlace {
  const made = new GocryptfsPlace();
  t.teardown(() => made.remove());
  return made;
}

/** Makes the whole sample tree with our code. */
async function writeOurs(cipher: string, longNameMax: number): Promise<void> {
  const root = await CipherDirectory.init(cipher, PASSPHRASE, { stretchLogN: LOG_N, longNameMax });
  for (const name of NAMES) root.create(name, [{ kind: 'write', offset: 0, data: name }]);
  const deep = root.mkdir(Buffer.from('directories')).mkdir(Buffer.from('D'.repeat(200)));
  for (const name of NAMES) deep.mkdir(name).create(Buffer.from('inside'), [write(0, 1)]);
  const files = root.mkdir(Buffer.from('files'));
  for (const { name, goals } of SAMPLES) files.create(name, goals);
  const links = root.mkdir(Buffer.from('links'));
  for (const [index, target] of TARGETS.entries()) links.symlink(Buffer.from(`${index}`), target);
}

/** Reads the whole sample tree with our code. */
async function checkOurs(t: Test, cipher: string): Promise<void> {
  const root = await CipherDirectory.open(cipher, PASSPHRASE);
  t.same(root.list(), { names: ROOT_NAMES, invalid: [] }, 'names');
  t.ok(
    NAMES.every((name) => root.read(name).equals(name)),
    'each file holds its name',
  );
  const deep = root.directory(Buffer.from('directories')).directory(Buffer.from('D'.repeat(200)));
  t.same(deep.list(), { names: sorted(NAMES), invalid: [] }, 'names of directories');
  for (const name of NAMES) t.same(deep.directory(name).list(), { names: [Buffer.from('inside')], invalid: [] });
  const files = root.directory(Buffer.from('files'));
  for (const { name, goals } of SAMPLES) t.ok(files.read(name).equals(outcome(goals)), name.toString());
  const links = root.directory(Buffer.from('links'));
  for (const [index, target] of TARGETS.entries()) t.same(links.readlink(Buffer.from(`${index}`)), target);
}

for (const longNameMax of [255, 100, 64, 62]) {
  t.test(`LongNameMax ${longNameMax}: gocryptfs reads what we write, byte for byte`, { skip }, async (t) => {
    const made = place(t);
    await writeOurs(made.cipher, longNameMax);
    t.equal(made.fsck(PASSPHRASE), 0, 'gocryptfs -fsck finds nothing');
    await made.mounted(PASSPHRASE, (path) => checkSampleTree(t, path));
    await checkOurs(t, made.cipher);
  });

  t.test(`LongNameMax ${longNameMax}: we read what gocryptfs writes, byte for byte`, { skip }, async (t) => {
    const made = place(t);
    made.init(PASSPHRASE, ...(longNameMax === 255 ? [] : ['-longnamemax', String(longNameMax)]));
    await made.mounted(PASSPHRASE, (path) => writeSampleTree(path));
    await checkOurs(t, made.cipher);
  });
}

t.test(
  "sizes of ciphertext are gocryptfs's own, and gocryptfs-xray knows our header and blocks",
  { skip },
  async (t) => {
    const [ours, theirs] = [place(t), place(t)];
    const root = await CipherDirectory.init(ours.cipher, PASSPHRASE, { stretchLogN: LOG_N });
    theirs.init(PASSPHRASE);
    for (const { name, goals } of SAMPLES) root.create(name, goals);
    await theirs.mounted(PASSPHRASE, (path) => {
      for (const { name, goals } of SAMPLES) {
        writeFileSync(at(path, name), '');
        for (const goal of goals) changePlain(at(path, name), goal);
      }
    });
    const other = await CipherDirectory.open(theirs.cipher, PASSPHRASE);
    for (const { name } of SAMPLES) {
      t.equal(lstatSync(root.pathOf(name)).size, lstatSync(other.pathOf(name)).size, name.toString());
    }
    t.match(
      ours.xray(root.pathOf(Buffer.from('size 1'))),
      /Header: Version: 2, Id: [0-9a-f]{32}.*\nBlock +0: IV: [0-9a-f]{32}, Tag: [0-9a-f]{32}, Offset: +18 Len: 33/,
    );
  },
);

t.test('both change the same files in turns, any writes, appends and cuts', { skip }, async (t) => {
  const { random } = seeded((line) => t.comment(line));
  const made = place(t);
  made.init(PASSPHRASE);
  const names = [Buffer.from('one'), Buffer.from('N'.repeat(255)), Buffer.from('three')];
  await made.mounted(PASSPHRASE, (path) => {
    for (const name of names) writeFileSync(at(path, name), '');
  });
  const model = new Map(names.map((name) => [name, [] as Goal[]]));
  const someGoal = (): Goal => {
    const size = random.below(4) === 0 ? random.below(8) * 4096 : random.below(30_000);
    const data = random.bytes(random.below(2) === 0 ? random.below(20) + 1 : random.below(12_000) + 1);
    const kind = (['write', 'append', 'resize'] as const)[random.below(3)]!;
    return kind === 'resize' ? { kind, size } : kind === 'append' ? { kind, data } : { kind, offset: size, data };
  };
  const turn = (change: (name: Buffer, goal: Goal) => void) => {
    for (const [name, goals] of model) {
      for (let count = 0; count < 12; count++) {
        const goal = someGoal();
        goals.push(goal);
        change(name, goal);
      }
    }
  };
  for (let round = 0; round < 6; round++) {
    const ours = await CipherDirectory.open(made.cipher, PASSPHRASE);
    turn((name, goal) => ours.change(name, [goal]));
    await made.mounted(PASSPHRASE, (path) => {
      for (const [name, goals] of model) t.ok(readFileSync(at(path, name)).equals(outcome(goals)), `theirs, ${round}`);
      turn((name, goal) => changePlain(at(path, name), goal));
    });
    for (const [name, goals] of model) t.ok(ours.read(name).equals(outcome(goals)), `ours, ${round}`);
  }
  t.equal(made.fsck(PASSPHRASE), 0);
});

t.test('passphrases: changed by either, the other opens the tree; the master key is the same', { skip }, async (t) => {
  const made = place(t);
  await CipherDirectory.init(made.cipher, 'first', { stretchLogN: LOG_N });
  const conf = readConf(made.cipher);
  const master = await unlock(conf, Buffer.from('first'));
  t.equal(made.masterKey('first'), master.text().replaceAll('-', ''));
  t.equal(made.fsck('wrong'), 12, 'a wrong one is wrong for gocryptfs, too');

  writeConf(made.cipher, await changePassphrase(conf, master, Buffer.from('sécond'), systemRandom, LOG_N));
  t.equal(made.fsck('first'), 12);
  t.equal(made.masterKey('sécond'), master.text().replaceAll('-', ''));

  made.changePassphrase('sécond', 'third');
  await t.rejects(unlock(readConf(made.cipher), Buffer.from('sécond')), /wrong passphrase/);
  t.equal((await unlock(readConf(made.cipher), Buffer.from('third'))).text(), master.text());
});

t.test(
  'gocryptfs refuses what we refuse: a bit changed in a block, blocks swapped, a file cut short',
  { skip },
  async (t) => {
    const made = place(t);
    const root = await CipherDirectory.init(made.cipher, PASSPHRASE, { stretchLogN: LOG_N });
    const damage: Record<string, (file: Buffer) => Buffer> = {
      'one bit': (file) => Buffer.concat([file.subarray(0, 5000), Buffer.from([file[5000]! ^ 4]), file.subarray(5001)]),
      swapped: (file) =>
        Buffer.concat([file.subarray(0, 18), file.subarray(4146, 8274), file.subarray(18, 4146), file.subarray(8274)]),
      'cut short': (file) => file.subarray(0, -1),
      'cut into the overhead': (file) => file.subarray(0, 8274 + 20),
      header: (file) => Buffer.concat([Buffer.from([0, 2, file[2]! ^ 1]), file.subarray(3)]),
      version: (file) => Buffer.concat([Buffer.from([0, 3]), file.subarray(2)]),
    };
    for (const [name, change] of Object.entries(damage)) {
      root.create(Buffer.from(name), [write(0, 9000)]);
      const path = root.pathOf(Buffer.from(name));
      writeFileSync(path, change(readFileSync(path)));
      t.throws(() => root.read(Buffer.from(name)), CipherError, `${name}: ours`);
    }
    await made.mounted(PASSPHRASE, (path) => {
      for (const name of Object.keys(damage)) {
        // It takes the odd bytes after the last whole block for a few bytes less of a file, and gives the blocks before them.
        if (name === 'cut into the overhead') continue;
        t.throws(() => readFileSync(join(path, name)), { code: 'EIO' }, `${name}: gocryptfs`);
      }
    });
    t.equal(made.fsck(PASSPHRASE), 26);
  },
);

t.test('entries that are no names: reported by us, not shown by gocryptfs', { skip }, async (t) => {
  const made = place(t);
  const root = await CipherDirectory.init(made.cipher, PASSPHRASE, { stretchLogN: LOG_N });
  root.create(Buffer.from('good'), []);
  const wrong = ['not base64!', 'AAAA', 'A'.repeat(22), `${'A'.repeat(21)}B`, `gocryptfs.longname.${'x'.repeat(42)}`];
  for (const name of wrong) writeFileSync(join(made.cipher, name), '');
  t.same(root.list().names, [Buffer.from('good')]);
  t.same(root.list().invalid.sort(), wrong.sort());
  await made.mounted(PASSPHRASE, (path) => t.same(readdirSync(path), ['good']));
});
