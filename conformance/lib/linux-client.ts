import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { type Ran, run } from './run.ts';

const SCRIPT = fileURLToPath(new URL('../clients/linux-client.sh', import.meta.url));
const GUEST = fileURLToPath(new URL('../clients/guest', import.meta.url));

/** Where the guest's copies of the scripts lie. */
const UNPACKED = '/tmp/guest';
const HERE_END = 'END-OF-GUEST-SCRIPT';

export interface LinuxClientOptions {
  readonly protocol: 'udp' | 'tcp';
  /** The namespace that the server runs in. */
  readonly namespace: string;
  /** The server's address; default the namespace's end of the guest's cable. */
  readonly host?: string;
  /** The first three bytes of the addresses on that cable, as `10.77.4`, where several guests' packets meet. */
  readonly subnet?: string;
  /** Locks are the server's: the guest runs rpcbind and rpc.statd. Default: they are the client's own. */
  readonly lock?: boolean;
  /** Default `/`. */
  readonly path?: string;
  /** Mount options besides version, protocol and ports. */
  readonly options?: string;
  /** `uid:gid`; default root. */
  readonly user?: string;
  /** Where the capture goes; none: nothing is captured. */
  readonly capture?: string;
  /** A directory of this machine that both see. */
  readonly control?: string;
  readonly timeoutSeconds?: number;
}

/** This machine's path as the guest sees it, whose /tmp is its own. */
export function inGuest(path: string): string {
  const real = realpathSync(path);
  return real.startsWith('/tmp/') ? `/run/host${real}` : real;
}

/** Shell lines that put all guest scripts into the guest's own /tmp: its users may not be let into where this clone lies. */
function unpackScripts(): string {
  const files = readdirSync(GUEST).filter((name) => name.endsWith('.py'));
  const copies = files.map(
    (name) => `cat >${UNPACKED}/${name} <<'${HERE_END}'\n${readFileSync(join(GUEST, name), 'utf8')}${HERE_END}`,
  );
  return [`mkdir ${UNPACKED}`, ...copies].join('\n');
}

/**
 * Boots a Linux 6.1 kernel, mounts the server's share with its NFSv2 client, runs the scripts of `clients/guest` there one after the other
 * (each with its arguments), unmounts, and hands out what they said. `directory` takes the command file.
 */
export function linuxClient(
  directory: string,
  scripts: readonly (readonly [string, ...string[]])[],
  options: LinuxClientOptions,
): Promise<Ran> {
  const lines = scripts.map(([script, ...args]) => {
    const words = [join(UNPACKED, script), ...args];
    return `cd "$NFS_MNT" && python3 ${words.map((word) => `'${word}'`).join(' ')} || failed=1`;
  });
  const commands = join(
    directory,
    `commands-${options.namespace}-${options.subnet ?? ''}${options.protocol}-${scripts[0]![0]}.sh`,
  );
  writeFileSync(
    commands,
    `export PYTHONDONTWRITEBYTECODE=1\n${unpackScripts()}\nfailed=0\n${lines.join('\n')}\nexit $failed\n`,
  );
  const seconds = options.timeoutSeconds ?? 100;
  const flags = ['--netns', options.namespace, '--export', options.path ?? '/', '--proto', options.protocol];
  flags.push('--timeout', `${seconds}`);
  if (options.host !== undefined) flags.push('--host', options.host);
  if (options.subnet !== undefined) flags.push('--subnet', options.subnet);
  if (options.lock === true) flags.push('--lock');
  if (options.options !== undefined) flags.push('--opts', options.options);
  if (options.user !== undefined) flags.push('--user', options.user);
  if (options.capture !== undefined) flags.push('--pcap', options.capture);
  if (options.control !== undefined) flags.push('--control', options.control);
  return run(SCRIPT, [...flags, commands], { timeoutMs: (seconds + 15) * 1000, cwd: directory });
}

/** One assertion for each line that the guest's scripts printed, and one for the status. */
export function report(t: Test, ran: Ran): void {
  for (const line of ran.stdout.split('\n')) {
    const [, verdict, what = ''] = /^(ok|FAIL) - (.*)$/.exec(line) ?? [];
    if (verdict === 'ok') t.pass(what);
    else if (verdict === 'FAIL') t.fail(what);
    else if (line !== '') t.comment(line);
  }
  for (const line of ran.stderr.trim().split('\n')) t.comment(line);
  t.equal(ran.status, 0, 'the client mounted, did all its work, and unmounted');
}
