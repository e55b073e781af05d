import { once } from 'node:events';
import { connect } from 'node:net';

/** A process that connects to some addresses, writes `open` when all are, and holds the connections until its standard input ends. Called with the port and the addresses. */
const [port, ...addresses] = process.argv.slice(2);
const sockets = await Promise.all(
  addresses.map(async (host) => {
    const socket = connect(Number(port), host).on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }),
);
process.stdout.write('open\n');
process.stdin.resume();
await once(process.stdin, 'end');
for (const socket of sockets) socket.destroy();
