import { spawn } from 'node:child_process';
import { ExitStatus } from './exit.ts';

/** What the process in the background tells the one that waits for it. */
export type FromServer =
  | { readonly kind: 'mounted' }
  | { readonly kind: 'failed'; readonly status: number; readonly message: string };

/**
 * Starts this program again, as a process that outlives the terminal, and waits until it has mounted or says why it cannot. The key goes by the environment, which
 * others cannot see. Resolves with that.
 */
export function serveInBackground(argv: readonly string[], key: string | null): Promise<FromServer> {
  const env = key === null ? process.env : { ...process.env, MAGMA_KEY: key };
  const args = [...process.execArgv, process.argv[1]!, '--foreground', ...withoutKey(argv)];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env });
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
