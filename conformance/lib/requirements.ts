import { spawnSync } from 'node:child_process';
import { accessSync } from 'node:fs';

/** What a test cannot do without. */
export interface Requirements {
  /** Must run as root: makes namespaces, mounts. */
  readonly root?: boolean;
  /** Commands that must be found, each with the Debian package that brings it. */
  readonly commands?: Readonly<Record<string, string>>;
  /** Files that must exist, each with the Debian package that brings it. */
  readonly files?: Readonly<Record<string, string>>;
  /** Network namespaces can be made, and tap devices in them. */
  readonly namespaces?: boolean;
}

function missing(needs: Requirements): string[] {
  const found: string[] = [];
  if (needs.root && process.getuid?.() !== 0) found.push('root');
  for (const [command, debianPackage] of Object.entries(needs.commands ?? {})) {
    const paths = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
    if (!paths.some((path) => exists(`${path}/${command}`)))
      found.push(`${command} (apt-get install ${debianPackage})`);
  }
  for (const [file, debianPackage] of Object.entries(needs.files ?? {}))
    if (!exists(file)) found.push(`${file} (apt-get install ${debianPackage})`);
  if (needs.namespaces && found.length === 0) {
    const probe = spawnSync('unshare', ['--net', '--pid', '--fork', 'ip', 'link', 'set', 'lo', 'up']);
    if (probe.status !== 0) found.push('network namespaces (run as root, outside of a restricted container)');
    else if (!exists('/dev/net/tun')) found.push('/dev/net/tun (modprobe tun)');
  }
  return found;
}

function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * What to give to tap as `skip`: false when all is there, else the reason. In CI (CI=true) nothing may be missing: throws.
 */
export function unmet(needs: Requirements): string | false {
  const found = missing(needs);
  if (found.length === 0) return false;
  if (process.env.CI === 'true') throw new Error(`CI must run this test, but there is no ${found.join(', no ')}`);
  return `needs ${found.join(', ')}`;
}

/** What `linux-client.sh` needs. */
export const LINUX_CLIENT: Requirements = {
  root: true,
  namespaces: true,
  commands: {
    'linux.uml': 'user-mode-linux',
    busybox: 'busybox-static',
    ip: 'iproute2',
    modprobe: 'kmod',
    unshare: 'util-linux',
    python3: 'python3',
    tcpdump: 'tcpdump',
    tshark: 'tshark',
  },
};
