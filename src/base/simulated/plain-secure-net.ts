import type { Clock } from '../clock.ts';
import type { Endpoint, Net, Stream, StreamListener } from '../net.ts';
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

const WELCOME = Buffer.of(1);

/** A stream without what its handshake used up. */
class PlainSecureStream implements SecureStream {
  readonly identity: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #stream: Stream;
  readonly #handlers: ((data: Buffer) => void)[] = [];
  #rest: Buffer | null;
  /** Its reader has paused it. */
  #held = false;

  /** `rest` came behind the handshake; the stream is paused. */
  constructor(stream: Stream, identity: string, rest: Buffer) {
    this.identity = identity;
    this.local = stream.local;
    this.remote = stream.remote;
    this.#stream = stream;
    this.#rest = rest.length > 0 ? rest : null;
  }

  get queued(): number {
    return this.#stream.queued;
  }

  /** Gives what came: the first time with what was there already. */
  receive(data: Buffer): void {
    for (const handler of this.#handlers) handler(data);
  }

  onData(handler: (data: Buffer) => void): void {
    this.#handlers.push(handler);
    if (!this.#held) this.resume();
  }

  onClose(handler: (error?: Error) => void): void {
    this.#stream.onClose(handler);
  }

  onEnd(handler: () => void): void {
    this.#stream.onEnd(handler);
  }

  onDrain(handler: () => void): void {
    this.#stream.onDrain(handler);
  }

  write(data: Uint8Array): boolean {
    return this.#stream.write(data);
  }

  cork(): void {
    this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  pause(): void {
    this.#held = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#held = false;
    this.#stream.resume();
    queueMicrotask(() => {
      const rest = this.#rest;
      if (rest === null || this.#held) return;
      this.#rest = null;
      this.receive(rest);
    });
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}

/** Reads the peer's half of the handshake; `parse` says what it means, or null while bytes are missing. */
function handshake<T>(
  stream: Stream,
  clock: Clock,
  milliseconds: number,
  parse: (bytes: Buffer) => { readonly result: T; readonly length: number } | null,
  done: (outcome: { readonly result: T; readonly secure: (identity: string) => PlainSecureStream } | string) => void,
): void {
  let bytes = Buffer.alloc(0);
  let over = false;
  let secured: PlainSecureStream | null = null;
  const finish = (outcome: Parameters<typeof done>[0]): void => {
    if (over) return;
    over = true;
    timer.cancel();
    done(outcome);
  };
  const timer = clock.after(milliseconds, () => finish(`no answer within ${milliseconds} ms`));
  stream.onClose(() => finish('it closed the connection'));
  stream.onData((data) => {
    if (secured !== null) {
      secured.receive(data);
      return;
    }
    if (over) return;
    bytes = Buffer.concat([bytes, data]);
    const parsed = parse(bytes);
    if (parsed === null) return;
    stream.pause();
    const rest = bytes.subarray(parsed.length);
    const secure = (identity: string): PlainSecureStream => {
      secured = new PlainSecureStream(stream, identity, rest);
      return secured;
    };
    finish({ result: parsed.result, secure });
  });
}

function claimOf(self: { readonly identity: string; readonly key: Uint8Array }): Buffer {
  const identity = Buffer.from(self.identity, 'latin1');
  return Buffer.concat([Buffer.of(identity.length), identity, Buffer.of(self.key.length), self.key]);
}

function parseClaim(bytes: Buffer) {
  const identityEnd = 1 + (bytes[0] ?? 0);
  const length = identityEnd + 1 + (bytes[identityEnd] ?? 0);
  if (bytes.length < 2 || bytes.length < length) return null;
  const result = { identity: bytes.toString('latin1', 1, identityEnd), key: bytes.subarray(identityEnd + 1, length) };
  return { result, length };
}

class PlainSecureListener implements SecureListener {
  readonly #listener: StreamListener;
  readonly #clock: Clock;
  readonly #options: SecureOptions;
  readonly #handshakes: Handshakes;

  constructor(listener: StreamListener, clock: Clock, options: SecureOptions) {
    this.#listener = listener;
    this.#clock = clock;
    this.#options = options;
    this.#handshakes = new Handshakes(options);
  }

  get local(): readonly Endpoint[] {
    return this.#listener.local;
  }

  onConnection(handler: (stream: SecureStream) => void): void {
    this.#listener.onConnection((stream) => this.#begin(stream, handler));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  #begin(stream: Stream, handler: (stream: SecureStream) => void): void {
    const refuse = (cause: string, claimed: string | null = null): void => {
      this.#options.refused?.(stream.remote, cause, claimed);
      stream.destroy();
    };
    const over = this.#handshakes.begin(stream.remote.address);
    if (over === null) {
      refuse('too many unfinished handshakes');
      return;
    }
    handshake(stream, this.#clock, this.#options.handshakeMs ?? HANDSHAKE_MS, parseClaim, (outcome) => {
      over();
      if (typeof outcome === 'string') {
        refuse(outcome);
        return;
      }
      const { identity, key } = outcome.result;
      const wanted = this.#options.keyOf(identity);
      if (wanted === null) refuse('unknown identity', identity);
      else if (!key.equals(wanted)) refuse('wrong key');
      else {
        stream.write(WELCOME);
        handler(outcome.secure(identity));
      }
    });
  }
}

/**
 * What `createTlsNet` is to the host's network, for simulated ones: who connects sends its identity and its key as they are. It keeps out those who have
 * them wrong, as TLS does, and protects from nobody.
 */
export function createPlainSecureNet(net: Net, clock: Clock, options: SecureOptions): SecureNet {
  const { self } = options;
  if (self !== undefined && Buffer.byteLength(self.identity) > IDENTITY_BYTES_MAX) {
    throw new RangeError(`an identity has at most ${IDENTITY_BYTES_MAX} bytes`);
  }
  return {
    bindDatagram: (addresses, port, choice) => net.bindDatagram(addresses, port, choice),
    listen: async (addresses, port) => new PlainSecureListener(await net.listen(addresses, port), clock, options),
    async connect(to, choice) {
      if (self === undefined) throw new Error('nobody to connect as: no identity was given');
      const stream = await net.connect(to, choice);
      stream.write(claimOf(self));
      const welcome = (bytes: Buffer) => (bytes.length > 0 ? { result: bytes[0], length: 1 } : null);
      return new Promise<SecureStream>((resolve, reject) => {
        handshake(stream, clock, options.handshakeMs ?? HANDSHAKE_MS, welcome, (outcome) => {
          if (typeof outcome !== 'string') {
            resolve(outcome.secure(self.identity));
            return;
          }
          stream.destroy();
          reject(new HandshakeError(`${to.address} port ${to.port} does not have the same key: ${outcome}`, true));
        });
      });
    },
  };
}
