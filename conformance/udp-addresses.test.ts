import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { batchedHost } from '../src/base/net/batched/host.ts';
import { inNamespace, makeNamespace } from './lib/namespace.ts';
import { unmet } from './lib/requirements.ts';

const found = batchedHost();
const skip =
  found instanceof Error
    ? found.message
    : unmet({ root: true, namespaces: true, commands: { ip: 'iproute2', nsenter: 'util-linux' } });

function script(name: string): string {
  return fileURLToPath(new URL(`lib/${name}`, import.meta.url));
}

t.test(
  'batched UDP: answers leave from the address that was asked, for broadcasts from the interface',
  { skip },
  async (t) => {
    const [there, here] = [makeNamespace(t, 'echo'), makeNamespace(t, 'ask')];
    const ip = (namespace: string, command: string) => execFileSync('ip', ['-n', namespace, ...command.split(' ')]);
    ip(there, `link add v0 type veth peer name v1 netns ${here}`);
    ip(there, 'addr add 10.9.0.1/24 brd 10.9.0.255 dev v0');
    ip(there, 'addr add fe80::91/64 dev v0 nodad');
    ip(here, 'addr add 10.9.0.2/24 brd 10.9.0.255 dev v1');
    ip(here, 'addr add fe80::92/64 dev v1 nodad');
    ip(there, 'link set v0 up');
    ip(here, 'link set v1 up');
    ip(here, 'route add default via 10.9.0.1');

    const [command, args] = inNamespace(there, process.execPath, script('udp-echo.ts'));
    const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => void server.kill());
    const port = String((await once(server.stdout, 'data'))[0]).trim();
    const ask = (...addresses: string[]): Record<string, [string, string]> => {
      const [program, words] = inNamespace(here, process.execPath, script('udp-ask.ts'), port, ...addresses);
      return JSON.parse(execFileSync(program, words, { encoding: 'utf8', timeout: 60_000 }));
    };

    const first = ask('10.9.0.1', '10.9.0.255', '255.255.255.255', 'fe80::91%v1');
    t.same(first['10.9.0.1'], ['10.9.0.1', '10.9.0.1']);
    t.same(first['10.9.0.255'], ['10.9.0.1', '10.9.0.1'], 'broadcast to the network');
    t.same(first['255.255.255.255'], ['10.9.0.1', '10.9.0.1'], 'broadcast to the link');
    t.same(first['fe80::91%v1'], ['fe80::91%v0', 'fe80::91%v1'], 'link-local, named with the interface on each side');

    ip(there, 'addr add 10.9.0.7/24 dev v0');
    ip(there, 'addr add fd09::7/64 dev v0 nodad');
    ip(here, 'addr add fd09::2/64 dev v1 nodad');
    const second = ask('10.9.0.7', 'fd09::7', 'ff02::1%v1');
    t.same(second['10.9.0.7'], ['10.9.0.7', '10.9.0.7'], 'an address that appeared later');
    t.same(second['fd09::7'], ['fd09::7', 'fd09::7']);
    t.match(second['ff02::1%v1'], ['::', /^fe80::.*%v1$/], 'multicast: the host chooses');

    ip(there, 'addr del 10.9.0.7/24 dev v0');
    t.same(ask('10.9.0.1'), { '10.9.0.1': ['10.9.0.1', '10.9.0.1'] }, 'and one that went again');
    server.stdin.end();
    const [code] = await once(server, 'exit');
    t.equal(code, 0);
  },
);
