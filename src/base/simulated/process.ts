import type { Clock } from '../clock.ts';
import { familyOf, normalAddress } from '../net/address.ts';
import { ANY, splitAddresses } from '../net/ports.ts';
import { CONNECT_TIMEOUT_MS } from '../net/stream.ts';
import type { DatagramSocket, Endpoint, Net, Stream, StreamListener } from '../net.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { SimulatedDatagrams } from './datagrams.ts';
import type { SimulatedHost, SimulatedPort } from './host.ts';
import { SimulatedStream } from './stream.ts';
import { Tcp, type TcpUser } from './tcp.ts';

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** A listening socket of a simulated process. */
class SimulatedListener implements StreamListener, SimulatedPort {
  readonly process: SimulatedProcess;
  readonly local: readonly Endpoint[];
  #handler: ((stream: Stream) => void) | undefined;

  constructor(process: SimulatedProcess, local: readonly Endpoint[]) {
    this.process = process;
    this.local = local;
  }

  onConnection(handler: (stream: Stream) => void): void {
    this.#handler = handler;
  }

  async close(): Promise<void> {
    this.process.host.ports.delete(this);
  }

  accept(local: Endpoint, remote: Endpoint, id: number): Tcp {
    const { process } = this;
    let stream: SimulatedStream | null = null;
    const user: TcpUser = {
      opened: () => {
        if (!process.alive || this.#handler === undefined) {
          tcp.release();
          return;
        }
        stream = new SimulatedStream(process, tcp, true);
        this.#handler(stream);
      },
      readable: () => stream?.readable(),
      writable: () => stream?.writable(),
      failed: (code) => stream?.failed(code),
    };
    const tcp = new Tcp(process.host, local, remote, id, process.whenAwake(user), false);
    return tcp;
  }
}

/** The network as one simulated process has it. Its sockets live as long as it does. */
export class SimulatedProcess implements Net {
  readonly host: SimulatedHost;
  readonly clock: Clock;
  readonly streams = new Set<SimulatedStream>();
  readonly #opening = new Set<Tcp>();
  #alive = true;

  constructor(host: SimulatedHost, clock: Clock) {
    this.host = host;
    this.clock = clock;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The same, but that it is told nothing while the process hangs: its host's kernel goes on meanwhile. */
  whenAwake(user: TcpUser): TcpUser {
    const clock = this.clock as Partial<VirtualClock> & Clock;
    const tell = (what: () => void): void => {
      if (clock.hung === true) clock.soon(what);
      else what();
    };
    return {
      opened: () => tell(() => user.opened()),
      readable: () => tell(() => user.readable()),
      writable: () => tell(() => user.writable()),
      failed: (code) => tell(() => user.failed(code)),
    };
  }

  /**
   * Kills the process as `kill -9` does: it learns nothing more from the network, and its host closes its sockets, so that peers see the end, or a reset
   * when it had not read all. Stop its clock and its disk too.
   */
  kill(): void {
    this.#alive = false;
    for (const socket of [...this.host.datagrams]) if (socket.belongsTo(this)) socket.abandon();
    for (const port of [...this.host.ports]) if (port.process === this) this.host.ports.delete(port);
    for (const stream of this.streams) stream.abandon();
    for (const tcp of this.#opening) tcp.release();
    this.streams.clear();
    this.#opening.clear();
  }

  /** Its host has no power any more. */
  vanish(): void {
    this.#alive = false;
    this.streams.clear();
    this.#opening.clear();
  }

  async bindDatagram(addresses: readonly string[], port: number): Promise<DatagramSocket> {
    const unique = [...new Set(addresses.map(normalAddress))];
    const { any, fixed } = splitAddresses(unique);
    for (const address of fixed) familyOf(address);
    const wanted = any.length > 0 ? any.map((family) => ANY[family]) : fixed;
    const chosen = this.host.choosePort('udp', wanted, port);
    const socket = new SimulatedDatagrams(
      this,
      wanted.map((address) => ({ address, port: chosen })),
    );
    if (this.#alive) this.host.datagrams.add(socket);
    return socket;
  }

  async listen(addresses: readonly string[], port: number): Promise<StreamListener> {
    const unique = [...new Set(addresses.map(normalAddress))];
    for (const address of unique) familyOf(address);
    const all = unique.length === 0 || unique.includes(ANY[6]);
    const wanted = all ? [ANY[6], ANY[4]] : unique;
    const chosen = this.host.choosePort('tcp', wanted, port);
    const listener = new SimulatedListener(
      this,
      wanted.map((address) => ({ address, port: chosen })),
    );
    if (this.#alive) this.host.ports.add(listener);
    return listener;
  }

  async connect(to: Endpoint, options: { localAddress?: string; timeoutMs?: number } = {}): Promise<Stream> {
    const remote = { address: normalAddress(to.address), port: to.port };
    const family = familyOf(remote.address);
    const source = this.host.sourceFor(remote.address, [options.localAddress ?? ANY[family]]);
    if (source === null) throw failure('ENETUNREACH', `no way to ${to.address}`);
    const local = { address: source, port: this.host.freePort() };
    while (this.host.connected(local, remote)) local.port = this.host.freePort();
    return this.#open(local, remote, options.timeoutMs ?? CONNECT_TIMEOUT_MS);
  }

  #open(local: Endpoint, remote: Endpoint, timeoutMs: number): Promise<Stream> {
    return new Promise((resolve, reject) => {
      let stream: SimulatedStream | null = null;
      const over = (): void => {
        timer.cancel();
        this.#opening.delete(tcp);
      };
      const user: TcpUser = {
        opened: () => {
          over();
          stream = new SimulatedStream(this, tcp, false);
          resolve(stream);
        },
        readable: () => stream?.readable(),
        writable: () => stream?.writable(),
        failed: (code) => {
          if (stream !== null) {
            stream.failed(code);
            return;
          }
          over();
          if (this.#alive) reject(failure(code, `${remote.address} port ${remote.port}`));
        },
      };
      const timer = this.clock.after(timeoutMs, () => {
        over();
        tcp.release();
        reject(failure('ETIMEDOUT', `no connection to ${remote.address} port ${remote.port} within ${timeoutMs} ms`));
      });
      const tcp = new Tcp(this.host, local, remote, this.host.network.nextConnection(), this.whenAwake(user), true);
      this.#opening.add(tcp);
    });
  }
}
