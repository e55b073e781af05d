import fc from 'fast-check';
import t from 'tap';
import { chooseSeed } from '../base/testing/seed.ts';
import { agree, BLOCK_BYTES_MAX } from './options.ts';
import { dataPacket, errorPacket, oackPacket, parseRequest, parseSaid, REQUEST_MAX } from './packet.ts';
import { words } from './testing/client.ts';

const seed = chooseSeed();
t.comment(`MAGMA_SEED=${seed} repeats this run`);

t.test('requests, as RFC 1350 §5 and RFC 2347 have them', async (t) => {
  const plain = parseRequest(words(1, 'boot/x', 'OCTET'));
  t.same(plain, { write: false, file: 'boot/x', mode: 'octet', options: new Map() });
  const more = parseRequest(words(2, 'x', 'netascii', 'BlkSize', 1468, 'tsize', 0, 'blksize', 8));
  t.equal(more?.write, true);
  t.same(
    [...more!.options],
    [
      ['blksize', '1468'],
      ['tsize', '0'],
    ],
    'of one that comes twice the first',
  );
  for (const none of [
    Buffer.alloc(0),
    words(1, 'x'),
    words(1, '', 'octet'),
    words(1, 'x', 'octet', 'blksize'),
    words(3, 'x', 'octet'),
    words(1, 'x', 'octet').subarray(0, -1),
    words(1, 'x'.repeat(REQUEST_MAX), 'octet'),
  ])
    t.equal(parseRequest(none), null);
});

t.test('packets of the server, byte for byte', async (t) => {
  t.equal(dataPacket(1, Buffer.from('ab')).toString('hex'), '000300016162');
  t.equal(dataPacket(65_536, Buffer.alloc(0)).toString('hex'), '00030000');
  t.equal(errorPacket(1, 'no').toString('hex'), '000500016e6f00');
  t.equal(oackPacket(new Map([['tsize', '7']])).toString('latin1'), '\0\x06tsize\x007\0');
});

t.test('whatever comes is a request or none, and something that was said; nothing is thrown', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc
      .tuple(fc.nat(7), fc.array(fc.string({ maxLength: 20 }), { maxLength: 8 }))
      .map(([code, all]) => words(code, ...all)),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      const packet = Buffer.from(bytes);
      const request = parseRequest(packet);
      if (request !== null) {
        const { blockBytes, timeoutMs, told } = agree(request.options, 5, BLOCK_BYTES_MAX);
        if (blockBytes < 8 || blockBytes > BLOCK_BYTES_MAX || timeoutMs === 0 || told.size > 3) return false;
      }
      return ['ack', 'error', 'other'].includes(parseSaid(packet).kind);
    }),
    { seed, numRuns: 2000 },
  );
});
