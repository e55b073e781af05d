import t from 'tap';
import type { Program } from '../rpc/program.ts';
import { registrationsOf } from './portmapper.ts';

const program: Program = { number: 100003, name: 'nfs', versions: new Map([[2, new Map()]]) };
const at = (...addresses: string[]) => addresses.map((address) => ({ address, port: 2049 }));

t.test('registrations: each transport and family that is served (RFC 1833 §2.1, RFC 5665)', async (t) => {
  const netids = (udp: string[], tcp: string[]): string[] =>
    registrationsOf(program, { port: 2049, udp: at(...udp), tcp: at(...tcp) }).map(({ netid }) => netid);
  t.same(
    netids(['0.0.0.0', '127.0.0.1', '::', '::1'], ['::']),
    ['udp', 'udp6', 'tcp', 'tcp6'],
    'one listener for both families',
  );
  t.same(netids(['10.0.0.1'], ['10.0.0.1']), ['udp', 'tcp']);
  t.same(netids(['fd00::1'], ['fd00::1']), ['udp6', 'tcp6']);
});
