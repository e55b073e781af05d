import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readConfigFile } from '../magmad/file.ts';
import { filesOf } from './files.ts';
import { readAppliance } from './settings.ts';

const read = (text: string) => readAppliance(text, 'magma.toml');
const made = (text: string) => new Map(filesOf(read(text)).map((file) => [file.path, file]));

const WHOLE = `
nickname = "wallace"
address = "192.168.1.20/24"
gateway = "192.168.1.1"
dns = ["192.168.1.2"]
ntp = ["192.168.1.3"]
shares = ["/ 192.168.1.0/24 w no_root_squash", "/a\\\\040b * r"]
key = "s3cr3t"
join = ["192.168.1.21"]
ssh-keys = ["ssh-ed25519 AAAA john"]
web = true
[magmad]
failover = 4
[floating]
address = "192.168.1.100/24"
others = ["192.168.1.21", "192.168.1.22"]
priority = 150
`;

t.test('an appliance that is not set up has DHCP, opens nothing, and starts no magmad', async (t) => {
  const files = new Map(filesOf(null).map((file) => [file.path, file.text]));
  t.same([...files.keys()], ['/run/systemd/network/50-magma.network', '/run/magma/nftables.conf']);
  t.match(files.get('/run/systemd/network/50-magma.network'), 'DHCP=yes');
  t.match(files.get('/run/magma/nftables.conf'), 'policy drop');
  t.notMatch(files.get('/run/magma/nftables.conf'), '2049');
});

t.test('magmad reads the magmad.toml that is made, and finds in it what magma.toml says', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'magma-appliance-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'magmad.toml');
  writeFileSync(file, made(WHOLE).get('/run/magma/magmad.toml')!.text);
  const given = new Map([...readConfigFile(file)].map(([name, { value }]) => [name as string, value]));
  t.same(Object.fromEntries(given), {
    nickname: 'wallace',
    data: '/var/lib/magma',
    portmap: 'own',
    join: ['192.168.1.21'],
    share: ['/ 192.168.1.0/24 w no_root_squash', '/a\\040b * r'],
    'key-file': '/run/credentials/magmad.service/key',
    'web-listen': ['0.0.0.0'],
    failover: 4,
  });
  writeFileSync(file, made('nickname = "a"').get('/run/magma/magmad.toml')!.text);
  t.equal(readConfigFile(file).get('boot')?.value, true, 'who joins nobody begins a network');
  t.notOk(readConfigFile(file).has('key-file'));
});

t.test('secrets may be read by root alone; without a key their files are empty or not there', async (t) => {
  const files = made(WHOLE);
  t.match(files.get('/run/magma/key'), { text: 's3cr3t\n', mode: 0o600 });
  t.match(files.get('/run/magma/authorized_keys'), { text: 'ssh-ed25519 AAAA john\n', mode: 0o600 });
  for (const { path, text } of files.values()) if (path !== '/run/magma/key') t.notMatch(text, 's3cr3t', path);
  const alone = made('nickname = "a"');
  t.equal(alone.get('/run/magma/key')?.text, '');
  t.notOk(alone.has('/run/magma/authorized_keys'), 'and so no ssh');
  t.notOk(alone.has('/run/magma/keepalived.conf'));
});

t.test('the address of magma.toml, or DHCP', async (t) => {
  const path = '/run/systemd/network/50-magma.network';
  t.equal(
    made(WHOLE).get(path)?.text,
    '[Match]\nName=eth0\n\n[Network]\nAddress=192.168.1.20/24\nGateway=192.168.1.1\nDNS=192.168.1.2\nLLMNR=no\nMulticastDNS=no\n',
  );
  t.match(made('nickname = "a"\ninterface = "ens3"').get(path)?.text, /Name=ens3\n[\s\S]*DHCP=yes/);
  t.equal(made(WHOLE).get('/run/systemd/timesyncd.conf.d/magma.conf')?.text, '[Time]\nNTP=192.168.1.3\n');
});

/** The ports that rules open, `tcp 22`. */
function open(text: string): string[] {
  const rules = made(text).get('/run/magma/nftables.conf')!.text;
  return [...rules.matchAll(/^ {4}(tcp|udp) dport \{ ([0-9, ]+) \} accept/gm)].flatMap(([, protocol, ports]) =>
    ports!.split(', ').map((port) => `${protocol} ${port}`),
  );
}

t.test('the firewall opens what is served, and nothing else', async (t) => {
  const nfs = ['udp 111', 'udp 2049', 'udp 20048', 'tcp 111', 'tcp 2049', 'tcp 20048'];
  t.same(open('nickname = "a"'), nfs);
  t.same(open('nickname = "a"\nkey = "k"'), [...nfs, 'tcp 12000', 'tcp 12001']);
  t.same(open('nickname = "a"\nkey = "k"\nweb = true'), [...nfs, 'tcp 12000', 'tcp 12001', 'tcp 12003']);
  t.same(open('nickname = "a"\nssh-keys = ["ssh-ed25519 AAAA"]'), [...nfs, 'tcp 22']);
  const old = `nickname = "a"\n[magmad]\ntime = "on"\ntftp = "/:/tftpboot"\nbootparam = ["sun1 192.168.1.40 root=/sun1"]`;
  t.same(open(old), [...nfs, 'udp 37', 'tcp 37', 'udp 69', 'udp 20050', 'tcp 20050']);
  t.match(made(old).get('/run/magma/magmad.toml')!.text, 'bootparam-port = 20050');
  const rules = made(WHOLE).get('/run/magma/nftables.conf')!.text;
  t.match(rules, 'ip saddr 192.168.1.21 meta l4proto 112 accept', 'VRRP from the others alone');
});

t.test('keepalived has the recipe of docs/floating-address.md with the names of magma.toml', async (t) => {
  const text = made(WHOLE).get('/run/magma/keepalived.conf')!.text;
  t.match(text, 'script "/usr/bin/magma-reaches 192.168.1.21 192.168.1.22"');
  t.match(text, 'script "/usr/bin/magma-reaches --unless 192.168.1.100 192.168.1.21 192.168.1.22"');
  const misses = (toml: string) => /magma_reaches \{[^}]* fall (\d+)/.exec(toml)?.[1];
  t.equal(misses(text), '4');
  const slow = made(WHOLE.replace('failover = 4', 'failover = 30')).get('/run/magma/keepalived.conf')!.text;
  t.equal(misses(slow), '12', 'a failover that takes longer leaves the address more time');
  t.match(text, /interface eth0\n {4}virtual_router_id 78\n {4}priority 150\n/);
  t.match(text, /virtual_ipaddress \{\n {8}192\.168\.1\.100\/24\n/);
});
