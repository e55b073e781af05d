import {
  chmodSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/base/random.ts';
import { type Change, type Goal, nextStep } from '../../src/client-fuse/crypto/changes.ts';
import { CONF_MODE, CONF_NAME, type Conf, formatConf, parseConf } from '../../src/client-fuse/crypto/conf.ts';
import { type FileHeader, parseHeader } from '../../src/client-fuse/crypto/contents.ts';
import {
  DIRIV_MODE,
  DIRIV_NAME,
  LONG_NAME_MODE,
  newDirectoryIv,
  parseDirectoryIv,
} from '../../src/client-fuse/crypto/names.ts';
import { openRead, planRead } from '../../src/client-fuse/crypto/reads.ts';
import { HEADER_BYTES, type Range } from '../../src/client-fuse/crypto/sizes.ts';
import { type CipherTree, cipherTree } from '../../src/client-fuse/crypto/tree.ts';
import { createConf, type NewConf, unlock } from '../../src/client-fuse/crypto/vault.ts';

/**
 * A directory of ciphertext on this machine's disk, read and written with `src/client-fuse/crypto` and nothing else of magma: what a file system over it
 * would do, without the file system. One at a time; versions are not looked at.
 */
export class CipherDirectory {
  readonly path: string;
  readonly #tree: CipherTree;
  readonly #iv: Buffer;
  readonly #inRoot: boolean;

  private constructor(path: string, tree: CipherTree, inRoot: boolean) {
    this.path = path;
    this.#tree = tree;
    this.#inRoot = inRoot;
    this.#iv = parseDirectoryIv(readFileSync(join(path, DIRIV_NAME)));
  }

  /** Makes an encrypted tree of an empty directory. */
  static async init(path: string, passphrase: string, options: Omit<NewConf, 'creator'>): Promise<CipherDirectory> {
    const { conf, master } = await createConf(
      Buffer.from(passphrase),
      { creator: 'magma test', ...options },
      systemRandom,
    );
    writeConf(path, conf);
    makeIv(path);
    return new CipherDirectory(path, cipherTree(master, conf, systemRandom), true);
  }

  static async open(path: string, passphrase: string): Promise<CipherDirectory> {
    const conf = readConf(path);
    const master = await unlock(conf, Buffer.from(passphrase));
    return new CipherDirectory(path, cipherTree(master, conf, systemRandom), true);
  }

  /** Makes a directory. */
  mkdir(name: Buffer): CipherDirectory {
    const path = this.#newPath(name);
    mkdirSync(path);
    makeIv(path);
    return new CipherDirectory(path, this.#tree, false);
  }

  directory(name: Buffer): CipherDirectory {
    return new CipherDirectory(this.pathOf(name), this.#tree, false);
  }

  /** Makes a file and does all that with it, one goal after the other. */
  create(name: Buffer, goals: readonly Goal[]): void {
    closeSync(openSync(this.#newPath(name), 'wx'));
    this.change(name, goals);
  }

  change(name: Buffer, goals: readonly Goal[]): void {
    const file = openSync(this.pathOf(name), 'r+');
    try {
      for (const goal of goals) reach(file, this.#tree, goal);
    } finally {
      closeSync(file);
    }
  }

  read(name: Buffer): Buffer {
    const file = openSync(this.pathOf(name), 'r');
    try {
      const { size } = fstatSync(file);
      const plan = planRead(size, 0, Number.MAX_SAFE_INTEGER);
      if (plan === null) return Buffer.alloc(0);
      return openRead(this.#tree.contents, headerOf(file, size)!, plan, readRange(file, plan.cipher));
    } finally {
      closeSync(file);
    }
  }

  symlink(name: Buffer, target: Buffer): void {
    symlinkSync(this.#tree.targets.encrypt(target), this.#newPath(name));
  }

  readlink(name: Buffer): Buffer {
    return this.#tree.targets.decrypt(readlinkSync(this.pathOf(name), 'buffer'));
  }

  /** The plain names, and the entries that have none. */
  list(): { names: Buffer[]; invalid: string[] } {
    const names: Buffer[] = [];
    const invalid: string[] = [];
    for (const bytes of readdirSync(this.path, 'buffer')) {
      const entry = this.#tree.names.entry(bytes, this.#iv, this.#inRoot);
      if (entry.kind === 'hidden') continue;
      const plain =
        entry.kind === 'long'
          ? this.#tree.names.longName(bytes, readFileSync(join(this.path, entry.nameEntry)), this.#iv)
          : entry;
      if ('name' in plain) names.push(plain.name);
      else invalid.push(bytes.toString('latin1'));
    }
    return { names: names.sort(Buffer.compare), invalid };
  }

  kindOf(name: Buffer): 'directory' | 'symlink' | 'file' {
    const found = lstatSync(this.pathOf(name));
    return found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'symlink' : 'file';
  }

  /** Where the ciphertext of a name is. */
  pathOf(name: Buffer): string {
    return join(this.path, this.#tree.names.encrypt(name, this.#iv).entry);
  }

  #newPath(name: Buffer): string {
    const { entry, long } = this.#tree.names.encrypt(name, this.#iv);
    if (long !== null) writeFileSync(join(this.path, long.entry), long.contents, { mode: LONG_NAME_MODE, flag: 'wx' });
    return join(this.path, entry);
  }
}

export function readConf(path: string): Conf {
  return parseConf(readFileSync(join(path, CONF_NAME)));
}

export function writeConf(path: string, conf: Conf): void {
  const file = join(path, CONF_NAME);
  writeFileSync(file, formatConf(conf));
  chmodSync(file, CONF_MODE);
}

function makeIv(path: string): void {
  writeFileSync(join(path, DIRIV_NAME), newDirectoryIv(systemRandom), { mode: DIRIV_MODE, flag: 'wx' });
}

function reach(file: number, tree: CipherTree, first: Goal): void {
  let goal: Goal | null = first;
  while (goal !== null) {
    const { size } = fstatSync(file);
    const step = nextStep(tree.contents, { size, header: headerOf(file, size) }, goal);
    if (step === null) return;
    const { change, rest } = step.make(step.reads.map((range) => readRange(file, range)));
    apply(file, change);
    goal = rest;
  }
}

function apply(file: number, change: Change): void {
  if (change.kind === 'size') ftruncateSync(file, change.size);
  else writeSync(file, change.data, 0, change.data.length, change.offset);
}

function headerOf(file: number, size: number): FileHeader | null {
  return size < HEADER_BYTES ? null : parseHeader(readRange(file, { offset: 0, length: HEADER_BYTES }));
}

function readRange(file: number, { offset, length }: Range): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
}
