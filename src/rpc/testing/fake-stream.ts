import type { Endpoint, Net, Stream } from '../../base/net.ts';

/** A connection in memory, seen from the server's side, that notes what is done to it. */
export interface FakeStream extends Stream {
  /** What was done, in order: `write:bytes`, `cork`, `uncork`, `pause`, `resume`, `end`, `destroy`, `reset`. */
  readonly done: string[];
  /** All that was written. */
  readonly written: Buffer[];
  /** What `write` answers from now on. */
  full: boolean;
  /** Whether the host takes what is written at once; else it stays `queued`, and is not copied. */
  taken: boolean;
  /** The host takes what is queued. */
  take(): void;
  receive(data: Buffer): void;
  /** The peer has sent its last byte. */
  peerEnds(): void;
  drain(): void;
}

/** A network whose only listener is handed streams by the test. */
export function fakeNet(): { net: Net; connect(address?: string, to?: string): FakeStream } {
  let accept: (stream: Stream) => void = () => {};
  const local: Endpoint = { address: '192.0.2.1', port: 2049 };
  const net: Net = {
    bindDatagram: () => Promise.reject(new Error('no UDP here')),
    connect: () => Promise.reject(new Error('no connecting here')),
    async listen() {
      const onConnection = (handler: (stream: Stream) => void): void => {
        accept = handler;
      };
      return { local: [local], onConnection, close: async () => {} };
    },
  };
  let port = 1000;
  return {
    net,
    connect(address = '192.0.2.9', to = local.address) {
      port += 1;
      const stream = fakeStream({ ...local, address: to }, { address, port });
      accept(stream);
      return stream;
    },
  };
}

function fakeStream(local: Endpoint, remote: Endpoint): FakeStream {
  const done: string[] = [];
  const written: Buffer[] = [];
  let queued = 0;
  const handlers = { data: (_: Buffer) => {}, end: () => {}, close: () => {}, drain: () => {} };
  return {
    local,
    remote,
    done,
    written,
    full: false,
    taken: true,
    get queued() {
      return queued;
    },
    take: () => {
      queued = 0;
    },
    receive: (data) => handlers.data(data),
    peerEnds: () => handlers.end(),
    drain: () => handlers.drain(),
    onData(handler) {
      handlers.data = handler;
    },
    onClose(handler) {
      handlers.close = handler;
    },
    onEnd(handler) {
      handlers.end = handler;
    },
    onDrain(handler) {
      handlers.drain = handler;
    },
    write(data) {
      done.push(`write:${data.length}`);
      if (!this.taken) queued += data.length;
      written.push(this.taken ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length));
      return !this.full;
    },
    cork: () => void done.push('cork'),
    uncork: () => void done.push('uncork'),
    pause: () => void done.push('pause'),
    resume: () => void done.push('resume'),
    end() {
      done.push('end');
      handlers.close();
    },
    destroy(reset = false) {
      done.push(reset ? 'reset' : 'destroy');
      handlers.close();
    },
  };
}
