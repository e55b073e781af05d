import t from 'tap';
import type { DatagramSocket, Endpoint, Net } from '../base/net.ts';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { RETRY_MS, RpcClient, TRIES_MAX } from './client.ts';
import { AcceptStat, writeAccepted } from './message.ts';
import { echo } from './testing/echo.ts';
import { XdrWriter } from './xdr.ts';

const server: Endpoint = { address: '192.0.2.1', port: 111 };

/** A UDP client whose datagrams end in the test's hands. */
async function udpClient() {
  const sent: Buffer[] = [];
  let receive: (data: Buffer, from: Endpoint, to: Endpoint) => void = () => {};
  const local: Endpoint = { address: '0.0.0.0', port: 999 };
  const socket: DatagramSocket = {
    local: [local],
    onMessage(handler) {
      receive = handler;
    },
    send: (data) => void sent.push(Buffer.from(data)),
    close: async () => {},
  };
  const net: Net = {
    bindDatagram: async () => socket,
    listen: () => Promise.reject(new Error('unused')),
    connect: () => Promise.reject(new Error('unused')),
  };
  const clock = manualClock();
  const client = await RpcClient.open({ net, clock, random: seededRandom(1), transport: 'udp', to: server });
  return { client, clock, sent, reply: (data: Buffer, from = server) => receive(data, from, local) };
}

function nullReply(xid: number): Buffer {
  const writer = new XdrWriter();
  writeAccepted(writer, xid, AcceptStat.SUCCESS);
  return writer.copy();
}

t.test(
  'UDP: a call is sent again with the same bytes, after longer and longer waits, a bounded number of times',
  async (t) => {
    const { client, clock, sent } = await udpClient();
    const failed = t.rejects(client.call(echo.NULL, undefined), {
      name: 'RpcError',
      message: /no reply after 5 tries/,
    });
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      t.equal(sent.length, tries);
      clock.advance(RETRY_MS * 2 ** (tries - 1) - 1);
      t.equal(sent.length, tries);
      clock.advance(1);
    }
    await failed;
    clock.advance(1e9);
    t.equal(sent.length, TRIES_MAX);
    t.equal(new Set(sent.map((bytes) => bytes.toString('hex'))).size, 1);
  },
);

t.test('UDP: only a reply with the call’s xid, from the peer that was called, is taken', async (t) => {
  const { client, sent, reply } = await udpClient();
  let answered = false;
  const answer = client.call(echo.NULL, undefined).then(() => {
    answered = true;
  });
  const xid = sent[0]!.readUInt32BE(0);
  reply(nullReply(xid), { ...server, port: 112 });
  reply(nullReply(xid), { ...server, address: '192.0.2.2' });
  reply(nullReply((xid + 1) >>> 0));
  reply(Buffer.alloc(3));
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(answered, false);
  reply(nullReply(xid));
  reply(nullReply(xid));
  await answer;
});

t.test('xids follow each other, and one that is under way is not used twice', async (t) => {
  const { client, sent, reply } = await udpClient();
  const first = client.call(echo.NULL, undefined);
  const xid = sent[0]!.readUInt32BE(0);
  const second = client.call(echo.NULL, undefined, { xid: (xid + 1) >>> 0 });
  const third = client.call(echo.NULL, undefined);
  t.equal(sent[2]!.readUInt32BE(0), (xid + 2) >>> 0);
  await t.rejects(client.call(echo.NULL, undefined, { xid }), { name: 'RpcError', message: /waits already/ });
  for (const bytes of sent) reply(nullReply(bytes.readUInt32BE(0)));
  await Promise.all([first, second, third]);
});

t.test('closing rejects what waits, and what comes after', async (t) => {
  const { client } = await udpClient();
  const waiting = t.rejects(client.call(echo.NULL, undefined), { name: 'RpcError', message: /has been closed/ });
  await client.close();
  await waiting;
  await t.rejects(client.call(echo.NULL, undefined), { name: 'RpcError', message: /has been closed/ });
});

t.test('replies of any bytes give a result or an RpcError', async (t) => {
  const { client, sent, reply } = await udpClient();
  const replies = ['', '00000000', '00000001', '0000000100000002', '000000010000000000000000000000000000ffff'];
  for (const rest of [...replies, '000000010000000100000009', '0000000100000001', '00000001000000000000000000000190']) {
    const call = t.rejects(client.call(echo.ECHO, Buffer.from('x')), { name: 'RpcError', message: /cannot be read/ });
    reply(Buffer.concat([sent.at(-1)!.subarray(0, 4), Buffer.from(rest, 'hex')]));
    await call;
  }
});
