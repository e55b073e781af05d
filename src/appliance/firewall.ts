import type { Appliance } from './settings.ts';

/** Where an appliance has bootparam, whose clients ask the portmapper: a port that the firewall can know. */
export const BOOTPARAM_PORT = 20050;

/** A port that is open, and when. */
interface Opening {
  readonly protocols: readonly ('tcp' | 'udp')[];
  readonly ports: readonly number[];
  readonly why: string;
  readonly open: (settings: Appliance) => boolean;
}

/** What an appliance opens, and when. All else that is not an answer is dropped. */
export const OPENINGS: readonly Opening[] = [
  {
    protocols: ['udp', 'tcp'],
    ports: [111, 2049, 20048],
    why: 'portmapper, NFS, mount protocol and locks',
    open: () => true,
  },
  {
    protocols: ['tcp'],
    ports: [12000, 12001],
    why: 'files for clients with a key, other volcanos',
    open: ({ key }) => key !== undefined,
  },
  { protocols: ['tcp'], ports: [12003], why: 'web page', open: ({ web }) => web },
  { protocols: ['udp', 'tcp'], ports: [37], why: 'TIME', open: ({ magmad }) => magmad.time === 'on' },
  { protocols: ['udp'], ports: [69], why: 'TFTP', open: ({ magmad }) => magmad.tftp !== undefined },
  {
    protocols: ['udp', 'tcp'],
    ports: [BOOTPARAM_PORT],
    why: 'bootparam',
    open: ({ magmad }) => magmad.bootparam !== undefined,
  },
  { protocols: ['tcp'], ports: [22], why: 'ssh', open: (settings) => settings['ssh-keys'].length > 0 },
];

/** The rules of nftables: open is what is served, to whom the rules of shares decide. */
export function firewall(settings: Appliance | null): string {
  const lines: string[] = [];
  for (const { protocols, ports, why, open } of settings === null ? [] : OPENINGS) {
    if (!open(settings!)) continue;
    for (const protocol of protocols) lines.push(`${protocol} dport { ${ports.join(', ')} } accept comment "${why}"`);
  }
  if (settings?.floating !== undefined)
    for (const other of settings.floating.others)
      lines.push(`${other.includes(':') ? 'ip6' : 'ip'} saddr ${other} meta l4proto 112 accept comment "VRRP"`);
  return `flush ruleset

table inet magma {
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ct state invalid drop
    meta l4proto { 1, 58 } accept comment "ICMP"
    udp sport 67 udp dport 68 accept comment "DHCP"
    udp sport 547 udp dport 546 accept comment "DHCP"
${lines.map((line) => `    ${line}\n`).join('')}  }
}
`;
}
