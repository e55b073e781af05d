import { messageOf } from './lifecycle.ts';
import type { SettingName } from './settings.ts';
import { UsageError } from './usage.ts';

/** Which setting says the addresses of a port; others are at `--address`. */
const LISTENS: Partial<Record<SettingName, SettingName>> = {
  'console-port': 'console-listen',
  'web-port': 'web-listen',
};

/** What is said, with the cure, when the host refuses a port; `error` is the host's. */
export function cannotListen(error: unknown, port: number, setting: SettingName, addresses: readonly string[]): Error {
  const cures: Record<string, string> = {
    EADDRINUSE: `another program listens there. Cure: stop it, or give another --${setting} (0 takes a free one)`,
    EACCES: `ports below 1024 need root or CAP_NET_BIND_SERVICE. Cure: that, or another --${setting}`,
    EADDRNOTAVAIL: `this machine has not all of these addresses: ${addresses.join(', ')}. Cure: correct --${LISTENS[setting] ?? 'address'}`,
  };
  if (error instanceof UsageError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new Error(`cannot listen on port ${port}: ${cures[code] ?? messageOf(error)}`, { cause: error });
}
