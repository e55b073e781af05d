import { stringify } from 'smol-toml';
import { BOOTPARAM_PORT, firewall } from './firewall.ts';
import { keepalived } from './floating.ts';
import { networkFiles } from './network.ts';
import type { Appliance } from './settings.ts';

/** A file that is made at each start. */
export interface MadeFile {
  /** From the root. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Where the service manager lays the network's key for magmad. */
const KEY_FILE = '/run/credentials/magmad.service/key';

/** All files that settings mean; of none (null), those of an appliance that waits to be set up: DHCP, and nothing open. */
export function filesOf(settings: Appliance | null): MadeFile[] {
  const files: MadeFile[] = [
    ...networkFiles(settings),
    { path: '/run/magma/nftables.conf', text: firewall(settings), mode: 0o644 },
  ];
  if (settings === null) return files;
  files.push({ path: '/run/magma/magmad.toml', text: magmadToml(settings), mode: 0o644 });
  files.push({ path: '/run/magma/key', text: settings.key === undefined ? '' : `${settings.key}\n`, mode: 0o600 });
  if (settings['ssh-keys'].length > 0)
    files.push({
      path: '/run/magma/authorized_keys',
      text: `${settings['ssh-keys'].join('\n')}\n`,
      mode: 0o600,
    });
  if (settings.floating !== undefined)
    files.push({ path: '/run/magma/keepalived.conf', text: keepalived(settings, settings.floating), mode: 0o644 });
  return files;
}

/** The magmad.toml of settings: no address, so that a floating one is served too. */
export function magmadToml(settings: Appliance): string {
  const { nickname, key, join, shares, web, magmad } = settings;
  return `${stringify({
    nickname,
    data: '/var/lib/magma',
    portmap: 'own',
    ...(join.length > 0 ? { join } : { boot: true }),
    ...(shares.length > 0 ? { share: shares } : {}),
    ...(key === undefined ? {} : { 'key-file': KEY_FILE }),
    ...(web ? { 'web-listen': ['0.0.0.0'] } : {}),
    ...magmad,
    ...(magmad.bootparam === undefined ? {} : { 'bootparam-port': BOOTPARAM_PORT }),
  })}\n`;
}
