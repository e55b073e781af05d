import { systemRandom } from '../base/random.ts';
import { type Conf, LONG_NAME_MAX } from '../client-fuse/crypto/conf.ts';
import { CipherError } from '../client-fuse/crypto/errors.ts';
import { MasterKey } from '../client-fuse/crypto/keys.ts';
import { STRETCH_LOG_N, STRETCH_MIN } from '../client-fuse/crypto/stretch.ts';
import { cipherTree } from '../client-fuse/crypto/tree.ts';
import { changePassphrase, createConf } from '../client-fuse/crypto/vault.ts';
import { type ConfFile, readConfFile, replaceConfFile } from '../client-fuse/encrypted/conf-file.ts';
import { checkEmpty, keyFits, makeTree, restoreConf } from '../client-fuse/encrypted/new-tree.ts';
import { VERSION } from '../magmad/version.ts';
import { ExitError, ExitStatus, usageError } from './exit.ts';
import { exiting } from './failures.ts';
import { infoText } from './info.ts';
import { type Input, standardInput } from './input.ts';
import { newPassphraseFrom, passphraseFrom } from './passphrase.ts';
import { type InitRequest, type PasswdRequest, type Reach, treeText } from './request.ts';
import { readSecretFile } from './secret.ts';
import { openTree, type Tree } from './tree.ts';
import { cipherDirectory, confOf, unlocked } from './vault.ts';

const CREATOR = `mount.magma ${VERSION}`;

/** `--init`: makes an encrypted tree of an empty directory. Rejects with `ExitError`. */
export function init(request: InitRequest): Promise<void> {
  return withTree(request, async (tree, input) => {
    const directory = cipherDirectory(tree);
    await checkEmpty(directory);
    const source = { option: 'passfile', file: request.passFile, input };
    const passphrase = await newPassphraseFrom(source, `New passphrase for ${treeText(request)}: `);
    const { scryptN, longNameMax } = request;
    const options = {
      creator: CREATOR,
      ...(scryptN !== null && { stretchLogN: scryptN }),
      ...(longNameMax !== null && { longNameMax }),
    };
    const { conf, master } = await createConf(passphrase, options, systemRandom).finally(() => passphrase.fill(0));
    try {
      await makeTree(directory, conf);
      process.stdout.write(`${treeText(request)} is an encrypted tree now.\n`);
      tellMasterKey(master);
    } finally {
      master.wipe();
    }
  });
}

/** `--passwd`: seals the master key of a tree under another passphrase. Rejects with `ExitError`. */
export function passwd(request: PasswdRequest): Promise<void> {
  return withTree(request, (tree, input) =>
    request.masterKeyFile === null
      ? changeByPassphrase(tree, request, input)
      : changeByMasterKey(tree, request, request.masterKeyFile, input),
  );
}

/** `--info`: prints what `gocryptfs.conf` says. Rejects with `ExitError`. */
export function info(request: Reach): Promise<void> {
  return withTree(request, async (tree) => {
    const { conf } = await confOf(tree, request);
    process.stdout.write(infoText(conf));
  });
}

async function changeByPassphrase(tree: Tree, request: PasswdRequest, input: Input): Promise<void> {
  if (request.longNameMax !== null) throw longNameMaxIsKnown();
  const file = await confOf(tree, request);
  const source = { option: 'passfile', file: request.passFile, input };
  const master = await unlocked(file.conf, await passphraseFrom(source, `Passphrase of ${treeText(request)}: `));
  await replace(tree, request, input, file, master);
}

/** Without the passphrase; and without `gocryptfs.conf`, of which a new one is made then. */
async function changeByMasterKey(tree: Tree, request: PasswdRequest, path: string, input: Input): Promise<void> {
  const directory = cipherDirectory(tree);
  const file = await confIfWhole(tree);
  if (file !== null && request.longNameMax !== null) throw longNameMaxIsKnown();
  const bytes = readSecretFile('masterkeyfile', path);
  const master = MasterKey.parse(bytes.toString('latin1'));
  bytes.fill(0);
  const longNameMax = file?.conf.longNameMax ?? request.longNameMax ?? LONG_NAME_MAX.most;
  const { names } = cipherTree(master, { longNameMax }, systemRandom);
  if (!(await keyFits(directory, names))) {
    master.wipe();
    const cure = 'look for the master key of this tree';
    throw new ExitError(ExitStatus.usage, `masterkeyfile ${path}: no name here comes out with it. Cure: ${cure}`);
  }
  if (file !== null) await replace(tree, request, input, file, master);
  else {
    const conf = await sealed(blankConf(longNameMax), request, input, master);
    await restoreConf(directory, conf);
    process.stdout.write(`${treeText(request)} has a new gocryptfs.conf.\n`);
  }
}

async function confIfWhole(tree: Tree): Promise<ConfFile | null> {
  const { service, caller, top } = cipherDirectory(tree);
  try {
    return await readConfFile(service, caller, top);
  } catch (error) {
    if (!(error instanceof CipherError) || error.fault !== 'CONF_BROKEN') throw error;
    const cure = 'remove it through a --plain mount, then a new one is made';
    throw new CipherError(error.fault, `${error.message}. For a new one: ${cure}`);
  }
}

async function replace(
  tree: Tree,
  request: PasswdRequest,
  input: Input,
  file: ConfFile,
  master: MasterKey,
): Promise<void> {
  const conf = await sealed(file.conf, request, input, master);
  const { service, caller } = cipherDirectory(tree);
  await replaceConfFile(service, caller, file, conf);
  process.stdout.write(`${treeText(request)} has another passphrase now.\n`);
}

/** The configuration under the new passphrase that is asked for; the master key is wiped. */
async function sealed(conf: Conf, request: PasswdRequest, input: Input, master: MasterKey): Promise<Conf> {
  const source = { option: 'new_passfile', file: request.newPassFile, input };
  const passphrase = await newPassphraseFrom(source, `New passphrase for ${treeText(request)}: `);
  try {
    return await changePassphrase(conf, master, passphrase, systemRandom, request.scryptN ?? undefined);
  } finally {
    passphrase.fill(0);
    master.wipe();
  }
}

/** A configuration to be sealed, of which the rest is as in a new tree. */
function blankConf(longNameMax: number): Conf {
  const cost = { salt: Buffer.alloc(0), N: 2 ** STRETCH_LOG_N, r: STRETCH_MIN.r, p: STRETCH_MIN.p };
  return { creator: CREATOR, sealedKey: Buffer.alloc(0), cost, longNameMax, others: {} };
}

function longNameMaxIsKnown(): ExitError {
  return usageError('longnamemax: gocryptfs.conf says it; only when that is lost it is to be said, with masterkeyfile');
}

/** Only where somebody sees it: it is not to end up in a log. */
function tellMasterKey(master: MasterKey): void {
  if (!process.stdout.isTTY) return;
  process.stdout.write(
    `\nIts master key is\n\n    ${master.text()}\n\nWrite it down and keep it where nobody finds it: when the passphrase or gocryptfs.conf is lost, it is all that\nopens the tree (mount.magma --passwd --masterkeyfile=FILE). It is not shown again.\n`,
  );
}

function withTree(reach: Reach, work: (tree: Tree, input: Input) => Promise<void>): Promise<void> {
  return exiting(treeText(reach), async () => {
    const tree = await openTree(reach, process.env);
    const input = standardInput();
    try {
      await work(tree, input);
    } finally {
      input.close();
      await tree.close();
    }
  });
}
