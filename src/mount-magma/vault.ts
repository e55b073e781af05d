import { systemRandom } from '../base/random.ts';
import { type Conf, LONG_NAME_MAX } from '../client-fuse/crypto/conf.ts';
import { MasterKey } from '../client-fuse/crypto/keys.ts';
import { KEY_BYTES } from '../client-fuse/crypto/stretch.ts';
import { unlock } from '../client-fuse/crypto/vault.ts';
import { type ConfFile, readConfFile } from '../client-fuse/encrypted/conf-file.ts';
import { checkRootIv, type NewTreeParts } from '../client-fuse/encrypted/new-tree.ts';
import { GROUPS_MAX } from '../client-fuse/files/groups.ts';
import { DHT_NAME } from '../dht/dht-directory.ts';
import type { Caller } from '../flare/types.ts';
import { ExitError, ExitStatus } from './exit.ts';
import type { Input } from './input.ts';
import { passphraseFrom } from './passphrase.ts';
import { type Reach, treeText } from './request.ts';
import type { Tree } from './tree.ts';

/** What opens an encrypted tree; the passphrase is not needed any more. Whoever has it wipes the master key. */
export interface Vault {
  readonly master: MasterKey;
  /** As in `Conf`. */
  readonly longNameMax: number;
}

/** The user of this process, as volcanos are told. */
export function ownCaller(): Caller {
  return { uid: process.getuid!(), gid: process.getgid!(), gids: process.getgroups!().slice(0, GROUPS_MAX) };
}

/** The directory that an encrypted tree is in, or is to be in. */
export function cipherDirectory({ service, top }: Tree): NewTreeParts {
  const isRoot = top.key === service.root().key;
  return { service, top, caller: ownCaller(), random: systemRandom, ignored: isRoot ? [DHT_NAME] : [] };
}

/** `gocryptfs.conf` of a tree. Rejects with `ExitError` when there is none, and as `readConfFile`. */
export async function confOf(tree: Tree, reach: Reach): Promise<ConfFile> {
  const { service, caller, top } = cipherDirectory(tree);
  const file = await readConfFile(service, caller, top);
  if (file !== null) return file;
  const name = treeText(reach);
  const cure = `mount.magma --init ${name} makes one of an empty directory; --plain mounts what is there as it is`;
  throw new ExitError(ExitStatus.failed, `${name}: there is no encrypted tree. Cure: ${cure}`);
}

/** Asks for the passphrase of a tree and opens it. Rejects with `ExitError`, TreeError, CipherError or FlareError. */
export async function openVault(
  tree: Tree,
  request: Reach & { readonly passFile: string | null },
  input: Input,
): Promise<Vault> {
  const { conf } = await confOf(tree, request);
  const { service, caller, top } = cipherDirectory(tree);
  await checkRootIv(service, caller, top);
  const source = { option: 'passfile', file: request.passFile, input };
  const passphrase = await passphraseFrom(source, `Passphrase of ${treeText(request)}: `);
  return { master: await unlocked(conf, passphrase), longNameMax: conf.longNameMax };
}

/** The master key, as `unlock` has it; the passphrase is wiped. */
export async function unlocked(conf: Conf, passphrase: Buffer): Promise<MasterKey> {
  try {
    return await unlock(conf, passphrase);
  } finally {
    passphrase.fill(0);
  }
}

/** Bytes of a vault on its way to another process. */
export const VAULT_BYTES = KEY_BYTES + 1;

/** A vault for the process in the background; the caller wipes it. */
export function packVault({ master, longNameMax }: Vault): Buffer {
  const bytes = Buffer.alloc(VAULT_BYTES);
  bytes[KEY_BYTES] = longNameMax;
  master.expose((key) => bytes.set(key));
  return bytes;
}

/** What `packVault` packed, which is wiped. Error when it is none. */
export function unpackVault(bytes: Buffer): Vault {
  const longNameMax = bytes[KEY_BYTES] ?? 0;
  const { least, most } = LONG_NAME_MAX;
  if (bytes.length !== VAULT_BYTES || longNameMax < least || longNameMax > most) throw new Error('this is no vault');
  const master = new MasterKey(Buffer.from(bytes.subarray(0, KEY_BYTES)));
  bytes.fill(0);
  return { master, longNameMax };
}
