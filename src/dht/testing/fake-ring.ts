import { NO_KEYS } from '../keys/standing.ts';
import { NOTHING_OBSERVED } from '../observation.ts';
import type { OperatorView } from '../operator-view.ts';
import { type Member, type Projection, SLICES_MIN } from '../projection/types.ts';

function memberOf(nickname: string, id: string): Member {
  return {
    ...{ id, nickname, serverName: nickname, addresses: ['192.168.1.20'], flarePort: 12000, nodePort: 12001 },
    ...{ version: '9.9', state: 'serving' },
  };
}

/** Two volcanos: wallace, whose view it is, and gromit, of whom nothing was heard for 40 s and who answers nothing. */
export function fakeRing(): OperatorView {
  const [first, second] = ['11'.repeat(16), '22'.repeat(16)] as const;
  const half = SLICES_MIN / 2;
  const projection: Projection = {
    ...{
      epoch: 7,
      networkId: '33'.repeat(16),
      networkName: null,
      replicas: 2,
      arbiter: first,
      slices: SLICES_MIN,
      protocol: 1,
    },
    volcanos: [memberOf('wallace', first), memberOf('gromit', second)],
    map: Array.from({ length: SLICES_MIN }, (_, slice) => {
      const primary = slice < half ? 0 : 1;
      return { primary, inSync: [1 - primary], filling: [] };
    }),
  };
  const figures = {
    ...{ load: 12, capacityBytes: 1000, freeBytes: 500, availableBytes: 400, flares: 3, lagRecords: 0 },
    ...{ uptimeSeconds: 60, syncMs: 2, damaged: 0, repaired: 0, protocol: 1, keys: NO_KEYS },
  };
  return {
    self: first,
    projection: () => projection,
    figures: (member) => ({ figures, heardSeconds: member === first ? 0 : 40 }),
    held: (member) => (member === first ? { locks: [], next: null } : Promise.reject(new Error('gromit is away'))),
    releaseHolder: (member) => (member === first ? 2 : Promise.reject(new Error('gromit is away'))),
    digest: (member) =>
      member === first
        ? Promise.resolve({ number: 1, epoch: 7, digest: Buffer.alloc(32) })
        : Promise.reject(new Error('gromit is away')),
    observe: (member) =>
      member === first ? { ...NOTHING_OBSERVED, nickname: 'wallace' } : Promise.reject(new Error('gromit is away')),
    unready: () => null,
  };
}
