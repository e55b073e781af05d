import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { Hmac } from './hmac.ts';

t.test('RFC 2104: the same as node:crypto, for keys up to a block, messages of any length in any order', async (t) => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' });
  fc.assert(
    fc.property(bytes(64), fc.array(bytes(200), { maxLength: 8 }), (key, messages) => {
      const hmac = new Hmac(key);
      return messages.every(
        (message) => hmac.of(message) === createHmac('sha256', key).update(message).digest('binary'),
      );
    }),
  );
  t.throws(() => new Hmac(new Uint8Array(65)), /a key of 65 bytes; the most is 64/);
});

t.test('RFC 4231 §4.2', async (t) => {
  const digest = Buffer.from(new Hmac(Buffer.alloc(20, 0x0b)).of(Buffer.from('Hi There')), 'latin1').toString('hex');
  t.equal(digest, 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
});
