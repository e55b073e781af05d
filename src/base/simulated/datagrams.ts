import { ANY } from '../net/ports.ts';
import type { DatagramSocket, Endpoint } from '../net.ts';
import type { SimulatedProcess } from './process.ts';

/** 65,535 less the headers of IPv4 and UDP. */
const DATAGRAM_BYTES_MAX = 65_507;

/** A UDP socket of a simulated process. */
export class SimulatedDatagrams implements DatagramSocket {
  readonly local: readonly Endpoint[];
  readonly #process: SimulatedProcess;
  #handler: ((data: Buffer, from: Endpoint, to: Endpoint) => void) | undefined;
  #closed = false;

  constructor(process: SimulatedProcess, local: readonly Endpoint[]) {
    this.#process = process;
    this.local = local;
  }

  onMessage(handler: (data: Buffer, from: Endpoint, to: Endpoint) => void): void {
    this.#handler = handler;
  }

  send(data: Uint8Array, to: Endpoint, from?: Endpoint): void {
    if (this.#closed || !this.#process.alive || data.length > DATAGRAM_BYTES_MAX || to.port < 1) return;
    const { host } = this.#process;
    const port = this.local[0]!.port;
    const source = host.sourceFor(
      to.address,
      from === undefined ? this.local.map((one) => one.address) : [from.address],
    );
    if (source === null) return;
    const packet = { kind: 'datagram', data: Buffer.from(data) } as const;
    host.network.send(host, { address: source, port }, to, packet);
  }

  async close(): Promise<void> {
    this.abandon();
  }

  /** Its process died, or lets go of it. */
  abandon(): void {
    this.#closed = true;
    this.#process.host.datagrams.delete(this);
  }

  belongsTo(process: SimulatedProcess): boolean {
    return this.#process === process;
  }

  /** True when it is bound there; `exactly`: to that address, not to all. */
  listens(to: Endpoint, exactly: boolean): boolean {
    const any = to.address.includes(':') ? ANY[6] : ANY[4];
    const address = exactly ? to.address : any;
    return this.local.some((one) => one.port === to.port && one.address === address);
  }

  receive(data: Buffer, from: Endpoint, to: Endpoint): void {
    if (!this.#closed && this.#process.alive) this.#handler?.(Buffer.from(data), from, to);
  }
}
