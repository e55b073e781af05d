import type { Socket } from 'node:net';
import { isLoopback } from '../base/address.ts';

/** Connections at once; those of them that may come from other machines, so that the volcano's own operator always finds room; and those from one of these. */
export const CONNECTIONS_MAX = 128;
export const REMOTE_CONNECTIONS_MAX = 96;
export const ADDRESS_CONNECTIONS_MAX = 32;

/** Connections that are open. */
export class Connections {
  /** By where each comes from; null: this machine. */
  readonly #open = new Map<Socket, string | null>();

  get size(): number {
    return this.#open.size;
  }

  /** Counts a connection, or cuts it off when there are too many. */
  take(socket: Socket): void {
    const { remoteAddress } = socket;
    const from = remoteAddress === undefined || isLoopback(remoteAddress) ? null : remoteAddress;
    if (remoteAddress === undefined || !this.#hasRoom(from)) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, from);
    socket.once('close', () => this.#open.delete(socket));
  }

  #hasRoom(from: string | null): boolean {
    if (this.#open.size >= CONNECTIONS_MAX) return false;
    if (from === null) return true;
    let remote = 0;
    let same = 0;
    for (const other of this.#open.values()) {
      if (other !== null) remote += 1;
      if (other === from) same += 1;
    }
    return remote < REMOTE_CONNECTIONS_MAX && same < ADDRESS_CONNECTIONS_MAX;
  }

  /** Cuts all off. */
  close(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }
}
