import { constants } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { connect, createServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { ConnectOptions, Endpoint, Net } from '../net.ts';
import {
  HANDSHAKE_MS,
  HandshakeError,
  Handshakes,
  IDENTITY_BYTES_MAX,
  type SecureListener,
  type SecureNet,
  type SecureOptions,
  type SecureStream,
} from '../secure-net.ts';
import { familyOf, normalEndpoint } from './address.ts';
import { LentMemory } from './lent-memory.ts';
import { CONNECT_TIMEOUT_MS, endpointOf, KEEP_ALIVE_MS, openServers, SystemStream } from './stream.ts';

/** TLS 1.3 and nothing older (RFC 8446), with the one cipher whose hash OpenSSL gives to pre-shared keys. */
const PROTOCOL = {
  ciphers: 'TLS_AES_128_GCM_SHA256',
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
} as const;

/** What a peer says that does not take a key (RFC 8446 §6.2), by what OpenSSL makes of it. */
const REFUSALS: Readonly<Record<string, string>> = {
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
    'it knows none of that name, or lets it in no more (TLS alert handshake_failure)',
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: 'it has another one of that name (TLS alert decrypt_error)',
};

class TlsStream extends SystemStream implements SecureStream {
  readonly identity: string;

  constructor(socket: TLSSocket, identity: string, lent: LentMemory | null = null) {
    super(socket, lent);
    this.identity = identity;
  }
}

/** A socket's peer as text: the same for the socket that was accepted and for the secure one made of it. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

class TlsListener implements SecureListener {
  readonly local: readonly Endpoint[];
  readonly #servers: readonly Server[];
  readonly #options: SecureOptions;
  readonly #tls: TlsServer;
  readonly #handshakes: Handshakes;
  /** What ends the count of a handshake, by its peer. */
  readonly #begun = new Map<string, () => void>();
  /** The identity under which a handshake found its key. */
  readonly #identities = new WeakMap<TLSSocket, string>();
  /** The last identity that had no key. */
  readonly #claimed = new WeakMap<Socket, string>();
  #onConnection: ((stream: SecureStream) => void) | undefined;

  constructor(servers: readonly Server[], options: SecureOptions) {
    this.#servers = servers;
    this.#options = options;
    this.#handshakes = new Handshakes(options);
    this.local = servers.map(endpointOf);
    this.#tls = createServer({
      ...PROTOCOL,
      handshakeTimeout: options.handshakeMs ?? HANDSHAKE_MS,
      // Tickets then only name a session in the server's memory, and there it keeps none: who connects proves the key, each time.
      secureOptions: constants.SSL_OP_NO_TICKET,
      pskCallback: (socket, identity) => this.#keyOf(socket, identity),
    });
    this.#tls.on('secureConnection', (socket) => this.#proved(socket));
    this.#tls.on('tlsClientError', (error, socket) => {
      this.#refuse(socket, (error as { code?: string }).code ?? error.message);
      socket.destroy();
    });
    for (const server of servers) server.on('connection', (socket) => this.#begin(socket));
  }

  onConnection(handler: (stream: SecureStream) => void): void {
    this.#onConnection = handler;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
  }

  #begin(socket: Socket): void {
    // What goes wrong on it comes up on the secure socket too.
    socket.on('error', () => {});
    const address = normalEndpoint(socket.remoteAddress ?? '', 0).address;
    const over = address === '' ? null : this.#handshakes.begin(address);
    if (over === null) {
      if (address !== '') this.#refuse(socket, 'too many unfinished handshakes');
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    this.#begun.set(peer, over);
    socket.once('close', () => {
      over();
      if (this.#begun.get(peer) === over) this.#begun.delete(peer);
    });
    this.#tls.emit('connection', socket);
  }

  #keyOf(socket: TLSSocket, identity: string): Buffer | null {
    const key = this.#options.keyOf(identity);
    if (key === null) {
      this.#claimed.set(socket, identity);
      return null;
    }
    // Of several identities that a peer offers, OpenSSL takes the first that has a key, and then insists on it (RFC 8446 §4.2.11).
    this.#identities.set(socket, identity);
    return Buffer.from(key);
  }

  #proved(socket: TLSSocket): void {
    this.#begun.get(peerOf(socket))?.();
    const identity = this.#identities.get(socket);
    const proved = identity !== undefined && socket.isSessionReused();
    if (proved && this.#onConnection !== undefined) {
      this.#onConnection(new TlsStream(socket, identity));
      return;
    }
    if (!proved) this.#refuse(socket, 'no key was proved');
    socket.destroy();
  }

  #refuse(socket: Socket, cause: string): void {
    const remote = normalEndpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    this.#options.refused?.(remote, cause, this.#claimed.get(socket) ?? null);
  }
}

function connectSecure(
  to: Endpoint,
  self: { readonly identity: string; readonly key: Uint8Array },
  options: ConnectOptions,
): Promise<SecureStream> {
  familyOf(to.address);
  const timeout = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const { localAddress } = options;
  const lent = options.lent === true ? new LentMemory() : null;
  const where = `${to.address} port ${to.port}`;
  const socket = connect({
    ...PROTOCOL,
    host: to.address,
    port: to.port,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(lent === null ? {} : { onread: lent.onread }),
    pskCallback: () => ({ identity: self.identity, psk: self.key }),
    // No certificate is good enough, whoever signed it.
    ca: [],
    checkServerIdentity: () => new Error('it showed a certificate instead of the key'),
  });
  return new Promise((resolve, reject) => {
    let connected = false;
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const failHandshake = (cause: string): void => {
      const refusal = REFUSALS[cause];
      const why = refusal === undefined ? `, or speaks no TLS 1.3: ${cause}` : `: ${refusal}`;
      fail(new HandshakeError(`${where} does not have the same key${why}`, refusal !== undefined));
    };
    const timer = setTimeout(() => {
      if (connected) failHandshake(`no answer within ${timeout} ms`);
      else fail(Object.assign(new Error(`no connection to ${where} within ${timeout} ms`), { code: 'ETIMEDOUT' }));
    }, timeout);
    const failed = (error: Error): void => {
      if (connected) failHandshake((error as { code?: string }).code ?? error.message);
      else fail(error);
    };
    const ended = (): void => failHandshake('it closed the connection');
    socket.on('error', failed);
    socket.once('close', ended);
    socket.once('connect', () => {
      connected = true;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
    });
    socket.once('secureConnect', () => {
      // No session was offered for resumption: that it is one means that the key was used.
      if (!socket.isSessionReused()) {
        failHandshake('it showed a certificate instead of the key');
        return;
      }
      socket.removeListener('error', failed);
      socket.removeListener('close', ended);
      clearTimeout(timer);
      resolve(new TlsStream(socket, self.identity, lent));
    });
  });
}

/**
 * The host's network with TLS 1.3 on its streams, in which both ends prove that they know a pre-shared key; there are no certificates. A peer without
 * the key gets no answer beyond the handshake. Nothing can be resumed: a key that is no longer given out opens no new connection.
 */
export function createTlsNet(net: Net, options: SecureOptions): SecureNet {
  const { self } = options;
  if (self !== undefined && Buffer.byteLength(self.identity) > IDENTITY_BYTES_MAX) {
    throw new RangeError(`an identity has at most ${IDENTITY_BYTES_MAX} bytes`);
  }
  return {
    bindDatagram: (addresses, port, choice) => net.bindDatagram(addresses, port, choice),
    listen: async (addresses, port) => new TlsListener(await openServers(addresses, port), options),
    async connect(to, choice = {}) {
      if (self === undefined) throw new Error('nobody to connect as: no identity was given');
      return connectSecure(to, self, choice);
    },
  };
}
