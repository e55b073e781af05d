/** What the console shows. */
export interface Facts {
  readonly version: string;
  /** Of a volcano that is set up. */
  readonly nickname?: string;
  /** What is wrong with magma.toml. */
  readonly problem?: string;
  /** NFS answers. */
  readonly serves: boolean;
  /** Addresses of this machine, without loopback and link-local ones. */
  readonly addresses: readonly string[];
  readonly slot?: string;
  /** Paths that are shared. */
  readonly shares: readonly string[];
}

/** Most shares that are shown. */
const SHARES_SHOWN = 4;

/** The lines of the banner: who this is, how it fares, what to type on a client. */
export function bannerOf(facts: Facts): string {
  const { version, nickname, problem, serves, addresses, slot, shares } = facts;
  const lines = [
    `  magma ${version}${nickname === undefined ? '' : `, volcano ${nickname}`}${slot === undefined ? '' : `, system ${slot}`}`,
    '',
  ];
  const where = addresses.length === 0 ? 'no address: is there a cable, or a DHCP server?' : addresses.join(', ');
  lines.push(`  address    ${where}`);
  if (problem !== undefined)
    lines.push(
      '  state      magma.toml cannot be used, so nothing is served:',
      ...problem.split('\n').map((line) => `             ${line}`),
    );
  else if (nickname === undefined)
    lines.push('  state      not set up: press s, or write magma.toml on the FAT partition');
  else {
    lines.push(`  state      ${serves ? 'serves NFS' : 'does not serve NFS yet: l shows the log'}`);
    const [first] = addresses;
    if (serves && first !== undefined)
      for (const share of shares.slice(0, SHARES_SHOWN))
        lines.push(
          `  mount      mount -t nfs -o nfsvers=2,proto=tcp ${first.includes(':') ? `[${first}]` : first}:${share} /mnt`,
        );
    if (shares.length > SHARES_SHOWN) lines.push(`             and ${shares.length - SHARES_SHOWN} more shares`);
  }
  return `${lines.join('\n')}\n`;
}
