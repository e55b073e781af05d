import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { GOCRYPTFS, GocryptfsPlace, LOG_N } from '../clients/gocryptfs.ts';
import { type RingVolcano, scratch, startVolcano } from '../ring-real/lib/ring.ts';
import { FUSE } from './fuse-mounts.ts';
import { type Client, MOUNT_MAGMA, mounted, type Place, place } from './magma-mounts.ts';
import type { Requirements } from './requirements.ts';
import { type Ran, run } from './run.ts';

/** What tests of encrypted trees on real mounts need. */
export const TREES: Requirements = {
  ...FUSE,
  ...GOCRYPTFS,
  commands: { ...FUSE.commands, ...GOCRYPTFS.commands, script: 'bsdutils' },
};

/** A volcano, a plain mount of its tree, and what makes encrypted trees in that. */
export interface Trees extends Place {
  readonly volcano: RingVolcano;
  /** The plain mount. */
  readonly plain: string;
  /** The words that name a directory below the root. */
  readonly words: (command: string, name: string) => string[];
  /** `mount.magma COMMAND` on a directory below the root, with more words, and what it reads. */
  readonly command: (command: string, name: string, input: string, ...more: string[]) => Promise<Ran>;
  readonly secretFile: (name: string, text: string) => string;
}

/** A volcano of which the tree is mounted as it is stored, with these directories in it. */
export async function trees(t: Test, ...names: string[]): Promise<Trees> {
  return treesOf(t, await startVolcano(t, scratch(t), { nickname: 'wallace' }), ...names);
}

/** As `trees`, of a volcano that runs already. */
export async function treesOf(t: Test, volcano: RingVolcano, ...names: string[]): Promise<Trees> {
  const where = await place(t, volcano);
  await mounted(t, where, [volcano], ['--plain', '-o', 'attr_timeout=0,entry_timeout=0,negative_timeout=0']);
  for (const name of names) fs.mkdirSync(join(where.target, name));
  const words = (command: string, name: string): string[] => [
    ...[`--${command}`, `127.0.0.1:/${name}`, `--port=${volcano.flarePort}`, `--keyfile=${where.keyFile}`],
    ...(command === 'info' ? [] : [`--scryptn=${LOG_N}`]),
  ];
  const command = (command: string, name: string, input: string, ...more: string[]): Promise<Ran> =>
    run(MOUNT_MAGMA, [...words(command, name), ...more], { input });
  const secretFile = (name: string, text: string): string => {
    const path = join(where.directory, name);
    fs.writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return { ...where, volcano, plain: where.target, words, command, secretFile };
}

/** gocryptfs on ciphertext at hand. */
export function gocryptfs(t: Test, cipher: string): GocryptfsPlace {
  const made = new GocryptfsPlace(cipher);
  t.teardown(() => made.remove());
  return made;
}

/** Of the trees that `init` makes. */
export const PASSPHRASE = 'correct horse battery staple';

/** An encrypted mount of a directory that `trees` made, at a mount point of its own. */
export async function encrypted(
  t: Test,
  from: Trees,
  name: string,
  volcanos: readonly RingVolcano[] = [from.volcano],
): Promise<Client & { readonly target: string }> {
  const where = await place(t, from.volcano);
  const client = await mounted(t, where, volcanos, ['-o', 'attr_timeout=1'], `${PASSPHRASE}\n`, `127.0.0.1:/${name}`);
  return { ...client, target: where.target };
}

/** Makes an encrypted tree of one of the directories that `trees` made. */
export async function init(t: Test, made: Trees, name: string, ...more: string[]): Promise<void> {
  t.match(await made.command('init', name, `${PASSPHRASE}\n`, ...more), { status: 0 });
}

/** Unmounts, and looks whether all has gone well. */
export async function unmount(t: Test, { child, exited, said }: Client): Promise<void> {
  child.kill('SIGTERM');
  t.equal(await exited, 0);
  t.notMatch(said(), /failed|ERROR|WARN/);
}
