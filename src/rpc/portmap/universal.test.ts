import fc from 'fast-check';
import t from 'tap';
import { fromTransportAddress, fromUniversal, netidOfCall, toTransportAddress, toUniversal } from './universal.ts';

t.test('universal addresses end with the two bytes of the port (RFC 5665 §5.2.3.3)', async (t) => {
  t.equal(toUniversal({ address: '192.0.2.1', port: 2049 }), '192.0.2.1.8.1');
  t.equal(toUniversal({ address: '2001:DB8::1', port: 111 }), '2001:db8::1.0.111');
  t.equal(toUniversal({ address: 'fe80::1%eth0', port: 111 }), 'fe80::1.0.111', 'a zone means nothing to others');
  t.same(fromUniversal('::.255.255'), { address: '::', port: 65535 });
  for (const wrong of ['', '1.2.3.4', '1.2.3.4.5', '1.2.3.4.256.1', '1.2.3.4.1.1000', 'host.1.1', '::1', '.1.2'])
    t.equal(fromUniversal(wrong), null, wrong);
});

t.test('every endpoint survives both translations (RFC 1833 §2.2.1, UADDR2TADDR and TADDR2UADDR)', async () => {
  const address = fc.oneof(fc.ipV4(), fc.constantFrom('::', '::1', 'fd00::1:2', '2001:db8:1:2:3:4:5:6'));
  fc.assert(
    fc.property(address, fc.nat(65535), (address, port) => {
      const universal = toUniversal({ address, port });
      const back = fromUniversal(universal)!;
      const transport = toTransportAddress(universal);
      return back.address === address && back.port === port && fromTransportAddress(transport) === universal;
    }),
  );
});

t.test('a transport address is a sockaddr of Linux; junk is none', async (t) => {
  t.equal(toTransportAddress('192.0.2.1.8.1').toString('hex'), '02000801c00002010000000000000000');
  t.equal(toTransportAddress('::1.0.111').length, 28);
  t.equal(toTransportAddress('junk').length, 0);
  for (const junk of [Buffer.alloc(0), Buffer.alloc(16), Buffer.alloc(100), Buffer.from('0a00', 'hex')])
    t.equal(fromTransportAddress(junk), '');
});

t.test('the transport of a call says which registrations it sees', async (t) => {
  t.equal(netidOfCall({ transport: 'udp', server: { address: '10.0.0.1', port: 1 } }), 'udp');
  t.equal(netidOfCall({ transport: 'tcp', server: { address: '::1', port: 1 } }), 'tcp6');
});
