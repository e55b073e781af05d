import { readFileSync } from 'node:fs';
import t from 'tap';
import { UsageError } from '../magmad/usage.ts';
import { readAppliance, TOML_MAX } from './settings.ts';

const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA somebody';

t.test('the magma.toml of the image sets nothing; with every # taken away it is one that is taken', async (t) => {
  const text = readFileSync(new URL('../../appliance/magma.toml', import.meta.url), 'utf8');
  t.equal(readAppliance(text, 'magma.toml'), null);
  const all = readAppliance(text.replaceAll(/^#(?=[a-z[])/gm, '').replace('C3...', 'C3'), 'magma.toml')!;
  t.match(all, { nickname: 'wallace', address: '192.168.1.20/24', web: true, magmad: { replicas: 2 } });
  t.same(all.floating?.others, ['192.168.1.21', '192.168.1.22']);
});

t.test('a byte order mark and lines of DOS are taken', async (t) => {
  t.match(readAppliance('\ufeffnickname = "wallace"\r\njoin = []\r\n', 'magma.toml'), { nickname: 'wallace' });
});

const WRONG: readonly (readonly [string, string, RegExp])[] = [
  ['no TOML', 'nickname = "a"\nkey = ', /magma\.toml:2: this is not TOML/],
  ['no nickname', 'address = "192.168.1.20/24"', /nickname is missing/],
  ['an unknown key', 'nickname = "a"\nshare = ["/ * r"]', /share is not known; did you mean shares\?/],
  ['a setting of magmad', 'nickname = "a"\nreplicas = 3', /replicas is not known.*\[magmad\]/],
  [
    'an address without its prefix',
    'nickname = "a"\naddress = "192.168.1.20"',
    /address: .* such as 192\.168\.1\.20\/24/,
  ],
  ['too long a prefix', 'nickname = "a"\naddress = "192.168.1.20/33"', /address: /],
  ['a wrong rule', 'nickname = "a"\nshares = ["/ 192.168.1.0/24 x"]', /shares.0: .*"x".*permission/],
  ['joining without a key', 'nickname = "a"\njoin = ["192.168.1.20"]', /join needs the key/],
  ['a page without a key', 'nickname = "a"\nweb = true', /web needs a key/],
  ['a key of two lines', 'nickname = "a"\nkey = "s3cr3t\\nmore"', /key: the value must be one line/],
  ['no public key', 'nickname = "a"\nssh-keys = ["hello"]', /must be a public key/],
  ['two public keys in one', `nickname = "a"\nssh-keys = ["${ED25519}\\n${ED25519}"]`, /must be a public key/],
  ['a gateway with DHCP', 'nickname = "a"\ngateway = "192.168.1.1"', /gateway without address/],
  [
    'a port that the firewall does not open',
    'nickname = "a"\n[magmad]\nnfs-port = 2050',
    /nfs-port is set by the appliance/,
  ],
  ['a wrong setting of magmad', 'nickname = "a"\n[magmad]\nreplicas = 99', /\[magmad\] replicas: 99/],
  ['no setting at all', 'nickname = "a"\n[magmad]\nreplica = 2', /\[magmad\] replica is no setting/],
  ['a card that is a command', 'nickname = "a"\ninterface = "eth0\\n[Network]"', /interface: /],
  [
    'a floating address alone',
    'nickname = "a"\nkey = "k"\n[floating]\naddress = "10.0.0.9/8"\nothers = []',
    /at least one other/,
  ],
];

for (const [what, text, message] of WRONG) {
  t.test(`${what} is refused, with the place and the cure`, async (t) => {
    t.throws(() => readAppliance(text, 'magma.toml'), message);
    t.throws(() => readAppliance(text, 'magma.toml'), UsageError);
  });
}

t.test('no message says the key, and a file that is too large is not read', async (t) => {
  t.throws(() => readAppliance('nickname = "a"\nkey = "s3cr3t\\nmore"', 'magma.toml'), /^(?!.*s3cr3t)/s);
  t.throws(() => readAppliance('#'.repeat(TOML_MAX + 1), 'magma.toml'), /is larger than/);
});
