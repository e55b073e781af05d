import type { ConnectOptions, Endpoint, Net, Stream, StreamListener } from './net.ts';

/** How long a peer may take from its connection to the end of its handshake, in milliseconds. */
export const HANDSHAKE_MS = 5_000;
/** Connections whose handshake is not finished, at most, in a whole listener. */
export const HANDSHAKES_MAX = 256;
/** Of these from one address. */
export const HANDSHAKES_PER_ADDRESS_MAX = 32;
/** The longest identity, in bytes of ASCII: more do not go through OpenSSL. */
export const IDENTITY_BYTES_MAX = 128;

/** A connection whose two ends have proved to each other that they know the same key. */
export interface SecureStream extends Stream {
  /** Whose key that is. Where connections come in: who the peer has proved to be. */
  readonly identity: string;
}

/** A listening socket that gives only streams whose peers have proved who they are. */
export interface SecureListener extends StreamListener {
  onConnection(handler: (stream: SecureStream) => void): void;
}

/** A network whose streams are secure. Its datagrams are not: who sends them authenticates them. */
export interface SecureNet extends Net {
  listen(addresses: readonly string[], port: number): Promise<SecureListener>;
  /** Connects, and proves both ends. Rejects with the host's error, or with `HandshakeError`. */
  connect(to: Endpoint, options?: ConnectOptions): Promise<SecureStream>;
}

/** What a secure network is made with. */
export interface SecureOptions {
  /** The key of an identity, for connections that come in; null when it is not let in. */
  readonly keyOf: (identity: string) => Uint8Array | null;
  /** As whom this side connects. Without it, it cannot. */
  readonly self?: { readonly identity: string; readonly key: Uint8Array };
  /** Told of each connection that came in and was not let in, why, and as whom it showed itself, which proves nothing; null: as nobody. */
  readonly refused?: (remote: Endpoint, cause: string, claimed: string | null) => void;
  readonly handshakeMs?: number;
  readonly handshakes?: number;
  readonly handshakesPerAddress?: number;
}

/** The peer is there, but has not proved that it knows the key, or does not take this side's. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code = 'EHANDSHAKE';
  /** The peer has said that it does not take the key. Whoever is on the way can say so too: nothing proves it. */
  readonly refused: boolean;

  constructor(message: string, refused = false) {
    super(message);
    this.refused = refused;
  }
}

/** Counts the connections whose handshake is not finished. */
export class Handshakes {
  readonly #max: number;
  readonly #perAddressMax: number;
  readonly #perAddress = new Map<string, number>();
  #count = 0;

  constructor(options: SecureOptions) {
    this.#max = options.handshakes ?? HANDSHAKES_MAX;
    this.#perAddressMax = options.handshakesPerAddress ?? HANDSHAKES_PER_ADDRESS_MAX;
  }

  /** Counts one more from there; null when there are too many. Call what it returns once, or more often, when it is over. */
  begin(address: string): (() => void) | null {
    const fromThere = this.#perAddress.get(address) ?? 0;
    if (this.#count >= this.#max || fromThere >= this.#perAddressMax) return null;
    this.#count += 1;
    this.#perAddress.set(address, fromThere + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#count -= 1;
      const left = this.#perAddress.get(address)! - 1;
      if (left === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, left);
    };
  }
}
