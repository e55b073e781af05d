/** An endpoint: a numeric IPv4 or IPv6 address (IPv4-mapped ones are normalised to IPv4) and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A bound UDP socket, or a family of them that acts as one. */
export interface DatagramSocket {
  /** Where it listens, one for each address it was bound to. */
  readonly local: readonly Endpoint[];
  /** Datagrams lost so far on this host: those that came when there was no room, and those that could not be sent. Absent when nobody counts. */
  readonly lost?: { readonly received: number; readonly sent: number };
  /**
   * Called for each datagram. `data` is valid only until the handler returns or first awaits; `to` is the local
   * endpoint the datagram came to.
   */
  onMessage(handler: (data: Buffer, from: Endpoint, to: Endpoint) => void): void;
  /** Sends one datagram, from the local endpoint `from` when given. Never throws: a datagram may be lost. `data` may change when it returns. */
  send(data: Uint8Array, to: Endpoint, from?: Endpoint): void;
  close(): Promise<void>;
}

/** A TCP connection. */
export interface Stream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** What it is given is nobody else's: it stays as it is. */
  onData(handler: (data: Buffer) => void): void;
  /** Called once, when the connection is gone for whatever reason. */
  onClose(handler: (error?: Error) => void): void;
  /** Called once, when the peer has sent its last byte; it may still read. Who does not ask closes then. */
  onEnd(handler: () => void): void;
  /** Called when all that was written has left after `write` returned false. */
  onDrain(handler: () => void): void;
  /**
   * Queues bytes, which must not change any more until `queued` is 0; false when the peer reads too slowly and the caller should stop for now.
   */
  write(data: Uint8Array): boolean;
  /** Holds written bytes back until `uncork`, so that several replies leave in one system call. */
  cork(): void;
  uncork(): void;
  /** Stops and starts the flow of `onData`. */
  pause(): void;
  resume(): void;
  /** Bytes queued and not yet taken by the host. */
  readonly queued: number;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. `reset`: the host forgets it as well, and no more tells the peer what was sent than that it is over (RFC 9293 §3.10.5). */
  destroy(reset?: boolean): void;
}

/** A listening TCP socket. */
export interface StreamListener {
  readonly local: readonly Endpoint[];
  onConnection(handler: (stream: Stream) => void): void;
  /** Stops listening; connections that are open stay. */
  close(): Promise<void>;
}

/** What a connection may be made with. */
export interface ConnectOptions {
  /** A numeric address to connect from. */
  readonly localAddress?: string;
  readonly timeoutMs?: number;
  /** What `onData` is given may be valid only until the handler returns: a net that can then uses the same memory again and again. */
  readonly lent?: boolean;
}

/** The only way to the network. The real one is `systemNet`; the simulator has its own. */
export interface Net {
  /**
   * Binds UDP. `addresses` empty means all local addresses, IPv4 and IPv6 (`0.0.0.0`, `::`: all of that family); port 0 takes a free one (the
   * same on all). `sole`: one socket a family will do, because it does not matter from which address its datagrams leave: for clients. Rejects
   * with the host's error.
   */
  bindDatagram(addresses: readonly string[], port: number, options?: { sole?: boolean }): Promise<DatagramSocket>;
  /** Listens on TCP, addresses and port as in `bindDatagram`. */
  listen(addresses: readonly string[], port: number): Promise<StreamListener>;
  /** Connects to a numeric address. */
  connect(to: Endpoint, options?: ConnectOptions): Promise<Stream>;
}
