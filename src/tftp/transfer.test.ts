import t from 'tap';
import type { DatagramSocket, Endpoint } from '../base/net.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { Transfer } from './transfer.ts';

const CLIENT: Endpoint = { address: '10.0.0.2', port: 2000 };

/** A socket whose other end acknowledges each block at once. */
function echoing(blocks: number[]): DatagramSocket {
  let hear: (data: Buffer, from: Endpoint, to: Endpoint) => void = () => {};
  return {
    local: [],
    onMessage(handler) {
      hear = handler;
    },
    send(data) {
      const packet = Buffer.from(data);
      const number = packet.readUInt16BE(2);
      blocks.push(number);
      const ack = Buffer.from([0, 4, number >> 8, number & 0xff]);
      queueMicrotask(() => hear(ack, CLIENT, CLIENT));
    },
    close: async () => {},
  };
}

t.test('block numbers go from 65,535 to 0, as often as it takes: files of more blocks arrive', async (t) => {
  const blocks: number[] = [];
  const count = 2 * 65_536 + 5;
  let given = 0;
  const source = { next: async (length: number) => Buffer.alloc(++given < count ? length : 1) };
  const agreed = { blockBytes: 8, timeoutMs: null, told: new Map() };
  const ended = await new Transfer({
    clock: manualClock(),
    socket: echoing(blocks),
    client: CLIENT,
    source,
    agreed,
  }).run();
  t.same(ended, { reason: null, bytes: (count - 1) * 8 + 1, again: 0 });
  t.same(blocks.slice(65_533, 65_539), [65_534, 65_535, 0, 1, 2, 3]);
  t.ok(blocks.every((number, at) => number === ((at + 1) & 0xffff)));
  t.equal(blocks.length, count);
});
