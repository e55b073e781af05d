import fc from 'fast-check';
import t from 'tap';
import { SUBNEGOTIATION_MAX, Telnet } from './telnet.ts';

function made(): { telnet: Telnet; sent: number[][] } {
  const sent: number[][] = [];
  const telnet = new Telnet((bytes) => sent.push([...bytes]));
  return { telnet, sent };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

t.test(
  'RFC 854, 857, 858: echo and no go-ahead are offered; agreed to, keys come one by one; taken back, they do not',
  async (t) => {
    const { telnet, sent } = made();
    telnet.offer();
    t.same(sent.splice(0), [[255, 251, 1, 255, 251, 3, 255, 253, 31]]);
    t.equal(telnet.characters, false, 'who does not answer is served line by line');
    t.equal(telnet.receive(bytes('\xff\xfd\x01a\xff\xfd\x03')), 'a');
    t.equal(telnet.characters, true);
    t.same(sent, [], 'an answer to the offer is not answered');
    telnet.receive(bytes('\xff\xfe\x01\xff\xfe\x01'));
    t.equal(telnet.characters, false);
    t.same(sent, [[255, 252, 1]], 'once');
  },
);

t.test('options that are not known are refused, each time, and confirmations are left alone', async (t) => {
  const { telnet, sent } = made();
  telnet.receive(bytes('\xff\xfb\x18\xff\xfd\x06\xff\xfb\x03\xff\xfb\x03\xff\xfc\x18\xff\xfe\x06\xff\xfb\x1f'));
  t.same(sent, [
    [255, 254, 24],
    [255, 252, 6],
    [255, 253, 3],
  ]);
});

t.test('ends of lines, doubled IAC, interrupts, the window, cut anywhere', async () => {
  const input = 'ab\r\0c\r\nd\ne\rf\xff\xffg\xff\xf4\xff\xf7\xff\xfa\x1f\0\x78\0\x18\xff\xf0h';
  const typed = 'ab\nc\nd\ne\nf\xffg\x03\x7fh';
  fc.assert(
    fc.property(fc.array(fc.nat(input.length)), (cuts) => {
      const { telnet } = made();
      const places = [0, ...[...cuts].sort((a, b) => a - b), input.length];
      const got = places.slice(1).map((end, at) => telnet.receive(bytes(input.slice(places[at], end))));
      return got.join('') === typed && telnet.columns === 120;
    }),
  );
});

t.test('a subnegotiation without end takes no memory', async (t) => {
  const { telnet } = made();
  telnet.receive(bytes(`\xff\xfa\x1f${'x'.repeat(100_000)}`));
  t.equal(telnet.receive(bytes('y\xff\xf0z')), 'z');
  t.equal(telnet.columns, 0x78 * 256 + 0x78);
  t.ok(SUBNEGOTIATION_MAX >= 5, 'room for a window');
});
