import t from 'tap';
import { ADDRESSES_MAX } from '../projection/types.ts';
import { reachedAt } from './join.ts';

t.test(
  'a volcano enters the map with the addresses it was given; else where it reaches the network from, then its host’s',
  async (t) => {
    const hostAddresses = ['192.0.2.1', '2001:db8::1'];
    t.same(reachedAt({ addresses: ['10.0.0.1'], hostAddresses }, '192.0.2.1'), ['10.0.0.1']);
    t.same(reachedAt({ addresses: [], hostAddresses }, '2001:db8::1'), ['2001:db8::1', '192.0.2.1'], 'a mixed ring');
    t.same(reachedAt({ addresses: [], hostAddresses }, null), hostAddresses, 'who begins it');
    t.same(reachedAt({ addresses: [], hostAddresses }, '127.0.0.1'), hostAddresses, 'loopback is nothing to others');
    t.same(reachedAt({ addresses: [] }, '127.0.0.1'), ['127.0.0.1'], 'unless there is nothing else');
    const many = Array.from({ length: 20 }, (_, index) => `192.0.2.${index}`);
    t.equal(reachedAt({ addresses: [], hostAddresses: many }, '10.0.0.1').length, ADDRESSES_MAX);
  },
);
