import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { seededRandom } from '../src/base/random.ts';
import { dissect, isPatched } from './lib/capture.ts';
import { LossyProxy } from './lib/lossy-proxy.ts';
import { mutate } from './lib/mutate.ts';
import { unmet } from './lib/requirements.ts';
import { encodeCall, u32 } from './lib/wire.ts';
import { argsOf, NFS, Proc } from './lib/wire-nfs2.ts';

t.test('mutations: a seed repeats them; they change the message and leave what is to be kept', async (t) => {
  const message = encodeCall({ ...NFS, xid: 7, procedure: Proc.GETATTR, args: Buffer.alloc(32, 5) });
  const all = (seed: number): Buffer[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 200 }, () => mutate(message, random, 40));
  };
  t.same(all(1), all(1));
  t.notSame(all(1), all(2));
  t.ok(all(1).every((bytes) => bytes.subarray(0, 40).equals(message.subarray(0, 40)) && bytes.length > 40));
  t.ok(all(1).filter((bytes) => bytes.equals(message)).length < 20, 'few come out as they went in');
});

t.test('the lossy relay: a seed says which replies are lost', async (t) => {
  const echo = createSocket('udp4');
  await new Promise<void>((resolve) => echo.bind(0, '127.0.0.1', resolve));
  t.teardown(() => echo.close());
  echo.on('message', (data, from) => echo.send(data, from.port, from.address));
  const lost = async (seed: number): Promise<number[]> => {
    const proxy = await LossyProxy.start(t, echo.address().port, seededRandom(seed), { dropReply: 200 });
    const client = createSocket('udp4');
    await new Promise<void>((resolve) => client.connect(proxy.port, '127.0.0.1', resolve));
    const seen = new Set<number>();
    client.on('message', (data) => seen.add(data.readUInt32BE(0)));
    for (let number = 0; number < 200; number++) {
      const before = proxy.counts.replies;
      client.send(u32(number));
      while (proxy.counts.replies === before) await new Promise((resolve) => setImmediate(resolve));
    }
    while (seen.size + proxy.counts.dropped < 200) await new Promise((resolve) => setImmediate(resolve));
    client.close();
    return Array.from({ length: 200 }, (_, number) => number).filter((number) => !seen.has(number));
  };
  const first = await lost(5);
  t.same(await lost(5), first);
  t.ok(first.length > 10 && first.length < 100, `${first.length} of 200`);
});

/** A reserved port that clients come from now and then, and that another protocol has (RMCP). */
const CLIENT_PORT = 623;

/** A capture file of UDP packets between a client and port 2049, in raw IPv4 (link type 101). */
function captureOf(packets: readonly { readonly call: boolean; readonly bytes: Buffer }[]): Buffer {
  const parts = [Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex')];
  for (const { call, bytes } of packets) {
    const ip = Buffer.from('450000000000400040110000', 'hex');
    ip.writeUInt16BE(28 + bytes.length, 2);
    const [client, server] = [Buffer.from([10, 0, 0, 2]), Buffer.from([10, 0, 0, 1])];
    const udp = Buffer.alloc(8);
    udp.writeUInt16BE(call ? CLIENT_PORT : 2049, 0);
    udp.writeUInt16BE(call ? 2049 : CLIENT_PORT, 2);
    udp.writeUInt16BE(8 + bytes.length, 4);
    const addresses = call ? [client, server] : [server, client];
    const packet = Buffer.concat([ip, ...addresses, udp, bytes]);
    const header = Buffer.alloc(16);
    header.writeUInt32LE(packet.length, 8);
    header.writeUInt32LE(packet.length, 12);
    parts.push(header, packet);
  }
  return Buffer.concat(parts);
}

t.test(
  'the dissector sees what is malformed and what is unanswered',
  { skip: unmet({ commands: { tshark: 'tshark' } }) },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-harness-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const file = join(scratch, 'capture.pcap');
    const call = (xid: number): { call: boolean; bytes: Buffer } => ({
      call: true,
      bytes: encodeCall({ ...NFS, xid, procedure: Proc.GETATTR, args: argsOf.GETATTR(Buffer.alloc(32)) }),
    });
    const reply = (xid: number, results: Buffer): { call: boolean; bytes: Buffer } => ({
      call: false,
      bytes: Buffer.concat([u32(xid, 1, 0, 0, 0, 0), results]),
    });
    writeFileSync(file, captureOf([call(1), reply(1, u32(70))]));
    const good = { calls: 1, replies: 1, malformed: [], strangers: [], unanswered: [], missed: 0 };
    t.same(await dissect(file), good, 'a good one');
    writeFileSync(
      file,
      captureOf([call(1), reply(1, Buffer.concat([u32(0), Buffer.alloc(40)])), call(2), call(3), call(2)]),
    );
    const bad = await dissect(file);
    t.equal(bad.malformed.length, 1, 'attributes that are cut short');
    t.equal(bad.unanswered.length, 1, 'a call that was sent twice and never answered');
    t.equal(bad.missed, 1, 'a call that was sent once');

    const cutCall = { call: true, bytes: call(4).bytes.subarray(0, 80) };
    const scrap = { call: false, bytes: Buffer.from('no RPC at all') };
    const broken = reply(6, Buffer.concat([u32(0), Buffer.alloc(40)]));
    writeFileSync(file, captureOf([cutCall, reply(4, u32(70)), scrap]));
    t.match(await dissect(file), { malformed: { length: 1 }, strangers: { length: 1 } }, 'scraps');
    t.match(await dissect(file, [2049]), { malformed: [], replies: 1 }, 'what the server sent is well formed');
    writeFileSync(file, captureOf([cutCall, call(6), broken]));
    t.match(await dissect(file, [2049]), { malformed: { length: 1 } }, 'and what it sends malformed is seen');
  },
);

t.test('A datagram that was put together of pieces of two, since the capture missed one, is none', async (t) => {
  t.notOk(isPatched(''));
  t.notOk(isPatched('646,647,648,649,650,651'));
  t.ok(isPatched('651,652,653,144193'));
});
