import { createSystemNet } from '../../src/base/system-net.ts';

/** A process that answers each datagram, on all addresses, with the local address that it came to. It says its port first, and ends with its standard input. */
const socket = await createSystemNet({ udp: 'batched' }).bindDatagram([], 0);
socket.onMessage((_data, from, to) => socket.send(Buffer.from(to.address), from, to));
process.stdin.resume().on('end', () => socket.close());
process.stdout.write(`${socket.local[0]?.port}\n`);
