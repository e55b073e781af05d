import type { DatagramSocket, Endpoint } from '../net.ts';

/** A datagram that a test saw. */
export type Message = { data: string; from: Endpoint; to: Endpoint };

/** Gives the datagrams of a socket one by one, waiting for each. */
export function messages(socket: DatagramSocket): () => Promise<Message> {
  const seen: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  socket.onMessage((data, from, to) => {
    const message = { data: data.toString(), from, to };
    const next = waiting.shift();
    if (next === undefined) seen.push(message);
    else next(message);
  });
  return () => {
    const message = seen.shift();
    return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message);
  };
}

/** The port that a socket listens on. */
export function portOf(socket: { local: readonly Endpoint[] }): number {
  return socket.local[0]!.port;
}
