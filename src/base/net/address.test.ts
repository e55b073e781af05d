import t from 'tap';
import { familyOf, normalAddress } from './address.ts';

t.test('addresses: IPv4-mapped ones are IPv4, scopes are kept, names are refused', async (t) => {
  t.equal(normalAddress('::ffff:192.168.1.5'), '192.168.1.5');
  t.equal(normalAddress('::FFFF:c0a8:105'), '192.168.1.5');
  t.equal(normalAddress('fe80::1%eth0'), 'fe80::1%eth0');
  t.equal(normalAddress('::1'), '::1');
  t.equal(normalAddress('::ffff:0:1'), '0.0.0.1');
  t.equal(familyOf('fe80::1%eth0'), 6);
  t.throws(() => familyOf('localhost'), /"localhost" is no numeric/);
});
