import { createSocket, type RemoteInfo } from 'node:dgram';

/** How often a datagram is sent again before no answer is one, and how long each is waited for, in milliseconds. */
const [TRIES, WAIT_MS] = [10, 1_000];

/**
 * A process that asks `udp-echo.ts` at each of some addresses (broadcasts too) and writes, as JSON, for each what the answer says and where it came from. Called
 * with the port and the addresses.
 */
const [port, ...addresses] = process.argv.slice(2);

async function ask(address: string): Promise<[string, string]> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  if (!address.includes(':')) socket.setBroadcast(true);
  const answer = new Promise<[string, string]>((resolve) =>
    socket.once('message', (data: Buffer, from: RemoteInfo) => resolve([data.toString(), from.address])),
  );
  let tries = 0;
  const send = (): void => {
    tries += 1;
    if (tries > TRIES) throw new Error(`no answer from ${address}`);
    socket.send('?', Number(port), address);
  };
  send();
  const timer = setInterval(send, WAIT_MS);
  const got = await answer;
  clearInterval(timer);
  socket.close();
  return got;
}

const answers: Record<string, [string, string]> = {};
for (const address of addresses) answers[address] = await ask(address);
process.stdout.write(JSON.stringify(answers));
