import fc from 'fast-check';
import t from 'tap';
import { meant, shown } from './locks.ts';

t.test('holders are shown so that they can be named again, whatever bytes they are', async (t) => {
  t.equal(shown('host 0123'), 'host 0123');
  t.equal(shown('\0\xff'), 'hex:00ff');
  t.equal(shown('hex:zz'), 'hex:6865783a7a7a');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const holder = Buffer.from(bytes).toString('latin1');
      t.equal(meant(shown(holder)), holder);
      t.match(shown(holder), /^[\x20-\x7e]+$/);
    }),
  );
});
