import { spawn } from 'node:child_process';
import { closeSync, readSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { ExitStatus } from './exit.ts';
import { packVault, unpackVault, VAULT_BYTES, type Vault } from './vault.ts';

/** What the process in the background tells the one that waits for it. */
export type FromServer =
  | { readonly kind: 'mounted' }
  | { readonly kind: 'failed'; readonly status: number; readonly message: string };

/** In the environment of the process in the background: the descriptor that its vault comes from. */
const VAULT_VARIABLE = 'MAGMA_VAULT_FD';
const VAULT_DESCRIPTOR = 4;

/**
 * Starts this program again, as a process that outlives the terminal, and waits until it has mounted or says why it cannot. The key goes by the environment, which
 * others cannot see, what opens an encrypted tree by a pipe; that is wiped here. Resolves with what it says.
 */
export function serveInBackground(
  argv: readonly string[],
  key: string | null,
  vault: Vault | null,
): Promise<FromServer> {
  const env = {
    ...process.env,
    ...(key !== null && { MAGMA_KEY: key }),
    ...(vault !== null && { [VAULT_VARIABLE]: `${VAULT_DESCRIPTOR}` }),
  };
  const args = [...process.execArgv, process.argv[1]!, '--foreground', ...withoutKey(argv)];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc', vault === null ? 'ignore' : 'pipe'],
    env,
  });
  if (vault !== null) sendVault(vault, child.stdio[VAULT_DESCRIPTOR] as Writable);
  return new Promise((resolve) => {
    const done = (outcome: FromServer): void => {
      resolve(outcome);
      if (child.connected) child.disconnect();
      child.unref();
    };
    child.once('message', (message) => done(message as FromServer));
    child.once('error', (error) => done({ kind: 'failed', status: ExitStatus.system, message: error.message }));
    child.once('exit', (status, signal) => {
      const how = signal ?? `status ${status}`;
      done({ kind: 'failed', status: ExitStatus.internal, message: `the process that was to serve it ended (${how})` });
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        child.kill('SIGTERM');
        done({ kind: 'failed', status: ExitStatus.interrupted, message: 'broken off' });
      });
    }
  });
}

function sendVault(vault: Vault, pipe: Writable): void {
  const bytes = packVault(vault);
  vault.master.wipe();
  // A child that has ended already says so by itself.
  pipe.on('error', () => {});
  pipe.end(bytes, () => bytes.fill(0));
}

/** What the process that started this one has opened already; null when nothing was. */
export function inheritedVault(environment: Record<string, string | undefined>): Vault | null {
  const text = environment[VAULT_VARIABLE];
  if (text === undefined) return null;
  delete environment[VAULT_VARIABLE];
  if (text !== `${VAULT_DESCRIPTOR}`) throw new Error(`${VAULT_VARIABLE}=${text}: it is for mount.magma itself`);
  const bytes = Buffer.alloc(VAULT_BYTES);
  try {
    for (let length = 0; length < bytes.length; ) {
      const got = readSync(VAULT_DESCRIPTOR, bytes, length, bytes.length - length, null);
      if (got === 0) throw new Error('whoever started this process gave it no key');
      length += got;
    }
    return unpackVault(bytes);
  } finally {
    bytes.fill(0);
    closeSync(VAULT_DESCRIPTOR);
  }
}

/** The command line without `--key`. */
export function withoutKey(argv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') return [...kept, ...argv.slice(at)];
    if (word === '--key') at += 1;
    else if (!word.startsWith('--key=')) kept.push(word);
  }
  return kept;
}
