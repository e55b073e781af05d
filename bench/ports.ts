import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const TRIES_MAX = 50;

/** True when nobody has that port for UDP on the loopback address. */
async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

/** A port that is free for UDP and TCP on the loopback address. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const free = await isFreeForUdp(port);
    server.close();
    await once(server, 'close');
    if (free) return port;
  }
  throw new Error(`no port was found in ${TRIES_MAX} tries that is free for UDP and TCP on 127.0.0.1`);
}

/** True when somebody takes TCP connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const over = (there: boolean) => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', () => over(true));
    socket.once('error', () => over(false));
  });
}
