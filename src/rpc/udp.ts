import type { DatagramSocket, Endpoint } from '../base/net.ts';
import type { RpcBounds } from './bounds.ts';
import type { Dispatcher, Exchange, Peer } from './dispatch.ts';
import { Throttle } from './throttle.ts';
import type { XdrWriter } from './xdr.ts';

/** The longest datagram: 65,535 less the headers of IPv4 and UDP. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** One datagram's sender. */
class Sender implements Peer {
  readonly transport = 'udp';
  readonly markBytes = 0;
  readonly replyBytesMax = DATAGRAM_BYTES_MAX;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly #service: UdpService;

  constructor(service: UdpService, client: Endpoint, server: Endpoint) {
    this.#service = service;
    this.client = client;
    this.server = server;
  }

  send(writer: XdrWriter, start: number): void {
    this.#service.socket.send(writer.written(start), this.client, this.server);
    writer.position = start;
    if (start === 0) writer.clear();
  }

  enter(): void {
    this.#service.enter(this.client.address);
  }

  leave(): void {
    this.#service.leave(this.client.address);
  }
}

/** Serves the datagrams of one socket. */
export class UdpService {
  readonly socket: DatagramSocket;
  readonly #inFlight = new Map<string, number>();
  readonly #overload: Throttle;
  #stopped = false;

  constructor(exchange: Exchange, bounds: RpcBounds, dispatcher: Dispatcher, socket: DatagramSocket) {
    this.socket = socket;
    this.#overload = new Throttle(exchange.clock);
    socket.onMessage((data, from, to) => {
      if (this.#stopped) return;
      const peer = new Sender(this, from, to);
      if (!exchange.load.full && (this.#inFlight.get(from.address) ?? 0) < bounds.inFlightPerClient) {
        dispatcher.dispatch(data, peer);
        return;
      }
      dispatcher.overload(data, peer);
      const fields = { client: from.address, inFlight: exchange.load.inFlight };
      this.#overload.run((held) =>
        exchange.logger.warn({ ...fields, before: held }, 'too many calls under way: a datagram was dropped'),
      );
    });
  }

  enter(client: string): void {
    this.#inFlight.set(client, (this.#inFlight.get(client) ?? 0) + 1);
  }

  leave(client: string): void {
    const left = (this.#inFlight.get(client) ?? 1) - 1;
    if (left === 0) this.#inFlight.delete(client);
    else this.#inFlight.set(client, left);
  }

  /** Takes no more calls; those under way are still answered. */
  refuse(): void {
    this.#stopped = true;
  }
}
