/** What one server may be made to hold or wait for. Times are milliseconds, sizes bytes. */
export interface RpcBounds {
  /** The largest record that is taken over TCP, all fragments together; a larger one closes its connection. */
  readonly recordBytes: number;
  /** The most fragments of a record; more close the connection. */
  readonly fragments: number;
  /** The most TCP connections; further ones are closed at once. */
  readonly connections: number;
  /** The most TCP connections from one address. */
  readonly connectionsPerAddress: number;
  /** The most calls under way at once. Above it connections are not read from, and datagrams are dropped. */
  readonly inFlight: number;
  /** The same for one TCP connection, or for all UDP calls of one address. */
  readonly inFlightPerClient: number;
  /** A connection on which no whole call came for so long, and none is under way, is closed. */
  readonly idleMs: number;
  /** Replies that a connection does not take: above it the connection is closed. (Above what the host buffers it is no longer read from.) */
  readonly queuedBytes: number;
  /** A connection that takes none of its replies for so long is closed. */
  readonly stallMs: number;
  /** How long `stop` waits for calls under way. */
  readonly stopMs: number;
}

/** The bounds when nothing else is asked for. */
export const DEFAULT_BOUNDS: RpcBounds = {
  recordBytes: 64 * 1024,
  fragments: 64,
  connections: 1024,
  connectionsPerAddress: 128,
  inFlight: 1024,
  inFlightPerClient: 64,
  idleMs: 6 * 60_000,
  queuedBytes: 4 * 1024 * 1024,
  stallMs: 60_000,
  stopMs: 10_000,
};
