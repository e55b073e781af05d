import fc from 'fast-check';
import t from 'tap';
import { formatAddress, isLoopback, parseAddress } from '../base/address.ts';
import { formatNetwork, inNetwork, type Network, parseNetwork } from './network.ts';

function read(text: string): Network {
  const result = parseNetwork(text);
  if ('fault' in result) throw new Error(`${text}: ${result.fault}`);
  return result.network;
}

function holds(network: string, address: string): boolean {
  const found = read(network);
  return found.kind === 'net' && inNetwork(parseAddress(address)!, found);
}

t.test('addresses are read and written in one spelling (RFC 4291 §2.2, RFC 5952)', async (t) => {
  const spellings: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ];
  for (const [text, canonical] of spellings) t.equal(formatAddress(parseAddress(text)!), canonical, text);
});

t.test('what is no address is refused', async (t) => {
  const wrong = ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', ':', ':::', '1:2:3:4:5:6:7', '1::2::3'];
  for (const text of [...wrong, '1:2:3:4:5:6:7:8:9', '12345::', '::1.2.3', '1.2.3.4::', 'g::', '1:2:3:4:5:6:7::8'])
    t.equal(parseAddress(text), null, JSON.stringify(text));
});

t.test('every address comes back from its text', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((all) => Uint8Array.from(all)),
  );
  fc.assert(
    fc.property(bytes, (address) => {
      const again = parseAddress(formatAddress(address))!;
      const mapped = address.length === 16 && again.length === 4;
      return Buffer.from(mapped ? address.subarray(12) : address).equals(again);
    }),
  );
});

t.test('loopback', async (t) => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) t.ok(isLoopback(address), address);
  for (const address of ['128.0.0.1', '::2', 'fe80::1', 'localhost', '']) t.notOk(isLoopback(address), address);
});

t.test('networks hold their addresses and no others, at every prefix length', async (t) => {
  t.ok(holds('192.168.1.0/24', '192.168.1.255'));
  t.notOk(holds('192.168.1.0/24', '192.168.2.0'));
  t.ok(holds('192.168.1.128/25', '192.168.1.128'));
  t.notOk(holds('192.168.1.128/25', '192.168.1.127'));
  t.ok(holds('0.0.0.0/0', '255.1.2.3'));
  t.notOk(holds('0.0.0.0/0', '::5'), 'families are apart');
  t.ok(holds('fd00:1::/63', 'fd00:1:0:1:2::3'));
  t.notOk(holds('fd00:1::/63', 'fd00:1:0:2::'));
  t.ok(holds('10.0.0.7', '::ffff:10.0.0.7'), 'a mapped address is its IPv4 address');
});

t.test('netmasks mean prefixes, in both families (FIELD.md row 28)', async (t) => {
  t.equal(formatNetwork(read('192.168.0.0/255.255.254.0')), '192.168.0.0/23');
  t.equal(formatNetwork(read('10.1.2.3/255.255.255.255')), '10.1.2.3');
  t.equal(formatNetwork(read('fd00::/ffff:ffff::')), 'fd00::/32');
  t.equal(formatNetwork(read('0.0.0.0/0.0.0.0')), '0.0.0.0/0');
});

t.test('host names and everyone', async (t) => {
  t.same(read('*'), { kind: 'any' });
  t.same(read('Crate-7.Lab.example.'), { kind: 'host', name: 'crate-7.lab.example' });
  t.same(read('localhost'), { kind: 'host', name: 'localhost' });
});

t.test('each slip is refused with its cure (FIELD.md row 28)', async (t) => {
  const slips: [string, RegExp][] = [
    ['192.168.1.0/33', /longer than the 32 bits/],
    ['fd00::/129', /longer than the 128 bits/],
    ['192.168.1.0/', /no prefix length/],
    ['192.168.1.0/255.0.255.0', /ones after zeros/],
    ['192.168.1.0/ffff::', /no prefix length or netmask/],
    ['192.168.1.5/24', /write 192\.168\.1\.0\/24/],
    ['10.0.0', /is no network/],
    ['10.0.0.256', /is no network/],
    ['*.example.com', /is no network/],
    ['@group', /is no network/],
    ['host/24', /is no network/],
    ['fe80::1%eth0', /zone/],
    ['::ffff:10.0.0.0/104', /IPv6 dress/],
    ['', /is no network/],
    [`${'a'.repeat(64)}`, /is no network/],
    [`${'a.'.repeat(128)}`, /is no network/],
  ];
  for (const [text, fault] of slips) {
    const result = parseNetwork(text);
    t.match('fault' in result ? result.fault : 'accepted', fault, JSON.stringify(text));
  }
});
