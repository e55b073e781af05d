import { spawnSync } from 'node:child_process';
import type { Teardown } from './volcano.ts';

/**
 * Makes a private network namespace with a loopback of its own, where ports 111 and 2049 are free whatever the host runs.
 * It is removed when the test ends. Needs root.
 */
export function makeNamespace(t: Teardown, hint: string): string {
  const name = `magma-${hint}-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]);
  if (made.status !== 0) throw new Error(`cannot make the network namespace ${name}: ${made.stderr}`);
  const remove = (): void => void spawnSync('ip', ['netns', 'del', name]);
  process.once('exit', remove);
  t.teardown(() => {
    process.removeListener('exit', remove);
    remove();
  });
  spawnSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  return name;
}

/** The command line that runs a command in that namespace, whose process becomes the command. */
export function inNamespace(name: string, command: string, ...args: string[]): [string, string[]] {
  return ['nsenter', [`--net=/run/netns/${name}`, command, ...args]];
}
