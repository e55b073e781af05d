import type { MadeFile } from './files.ts';
import type { Appliance } from './settings.ts';

/** The files of systemd-networkd and systemd-timesyncd: DHCP, or the address that is given. */
export function networkFiles(settings: Appliance | null): MadeFile[] {
  const lines = ['[Match]', `Name=${settings?.interface ?? 'eth0'}`, '', '[Network]'];
  if (settings?.address === undefined) lines.push('DHCP=yes');
  else {
    lines.push(`Address=${settings.address}`);
    if (settings.gateway !== undefined) lines.push(`Gateway=${settings.gateway}`);
  }
  for (const server of settings?.dns ?? []) lines.push(`DNS=${server}`);
  lines.push('LLMNR=no', 'MulticastDNS=no');
  // What NFS clients have mounted does not go because a DHCP server is away.
  if (settings?.address === undefined) lines.push('KeepConfiguration=dhcp');
  const files = [{ path: '/run/systemd/network/50-magma.network', text: `${lines.join('\n')}\n`, mode: 0o644 }];
  if (settings !== null && settings.ntp.length > 0)
    files.push({
      path: '/run/systemd/timesyncd.conf.d/magma.conf',
      text: `[Time]\nNTP=${settings.ntp.join(' ')}\n`,
      mode: 0o644,
    });
  return files;
}
