import { hostAddresses } from './net/address.ts';
import { systemNet } from './system-net.ts';
import { streamContract } from './testing/stream-contract.ts';

streamContract({
  name: 'TCP',
  near: systemNet,
  far: systemNet,
  address: '127.0.0.1',
  ...(hostAddresses().includes('::1') ? { address6: '::1' } : {}),
});
