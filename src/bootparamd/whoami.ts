import type { BootClient } from './clients.ts';

/** The four numbers of an IPv4 address. */
export interface IpAddress {
  readonly net: number;
  readonly host: number;
  readonly lh: number;
  readonly impno: number;
}

/** An address as the protocol has it. */
export function toBootAddress(address: string) {
  const [net = 0, host = 0, lh = 0, impno = 0] = address.split('.').map(Number);
  return { type: 1 as const, ip: { net, host, lh, impno } };
}

/** The text of an address: of each number the low 8 bits count. */
export function fromBootAddress({ net, host, lh, impno }: IpAddress): string {
  return [net, host, lh, impno].map((one) => one & 0xff).join('.');
}

/** WHOAMI: the name of who has that address, the domain and the router; null: nobody known, and so nothing to be said to a broadcast. */
export function whoami(clients: readonly BootClient[], asked: IpAddress, domain: string, router: string | null) {
  const client = clients.find(({ address }) => address === fromBootAddress(asked));
  if (client === undefined) return null;
  return {
    client: Buffer.from(client.name, 'latin1'),
    domain: Buffer.from(domain, 'latin1'),
    router: toBootAddress(router ?? '0.0.0.0'),
  };
}
