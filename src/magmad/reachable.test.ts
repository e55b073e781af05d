import type { NetworkInterfaceInfo } from 'node:os';
import t from 'tap';
import { ADDRESSES_MAX } from '../dht/projection/types.ts';
import { reachableAddresses } from './reachable.ts';

function at(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { address, netmask: '', mac: '', internal, cidr: null };
  return address.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' };
}

const lo = [at('127.0.0.1', true), at('::1', true)];

t.test(
  'where others reach a volcano: where it listens, else at the addresses of the host that mean something elsewhere',
  async (t) => {
    const host = { lo, eth0: [at('192.0.2.1'), at('2001:db8::1'), at('fe80::1'), at('169.254.0.9')], gone: undefined };
    t.same(reachableAddresses([], host), ['192.0.2.1', '2001:db8::1']);
    t.same(reachableAddresses(['10.0.0.1', '127.0.0.1'], host), ['10.0.0.1', '127.0.0.1'], 'what was given is taken');
    t.same(reachableAddresses(['0.0.0.0'], host), ['192.0.2.1']);
    t.same(reachableAddresses(['::'], host), ['192.0.2.1', '2001:db8::1'], 'it takes IPv4 as well');
    t.same(reachableAddresses([], { lo }), ['127.0.0.1', '::1'], 'loopback when there is nothing else');
    const many = { eth0: Array.from({ length: 20 }, (_, index) => at(`192.0.2.${index}`)) };
    t.equal(reachableAddresses([], many).length, ADDRESSES_MAX, 'no more than a volcano may have');
  },
);
