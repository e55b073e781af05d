import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the range that hosts take ports for outgoing connections from, so that no client sits on a port between two starts. */
const LOWEST = 20_000;
const COUNT = 10_000;

function freeOnTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

function freeOnUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp6');
    socket.once('error', () => resolve(false));
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}

const taken = new Set<number>();

/** A port that is free on UDP and TCP at this moment, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (taken.has(port) || !(await freeOnTcp(port)) || !(await freeOnUdp(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error(`no port between ${LOWEST} and ${LOWEST + COUNT} is free: close what listens there`);
}
