import { type Beginning, firstProjection } from '../projection/steps.ts';
import type { Member, Projection } from '../projection/types.ts';

/** A made-up volcano; `number` tells it from the others. */
export function member(number: number): Omit<Member, 'state'> {
  return {
    id: number.toString(16).padStart(32, '0'),
    nickname: `v${number}`,
    serverName: '',
    addresses: [`10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`],
    flarePort: 12_000,
    nodePort: 12_001,
    version: '0.1.0',
  };
}

/** The id of the made-up network. */
export const NETWORK_ID = 'ab'.repeat(16);

/** A network of the volcano `v0` alone. */
export function alone(options: Partial<Beginning> = {}): Projection {
  return firstProjection({ networkId: NETWORK_ID, networkName: 'etna', replicas: 2, member: member(0), ...options });
}
