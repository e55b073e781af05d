import type { Test } from 'tap';
import { UdpWire } from '../../lib/wire.ts';
import { mount, Nfs2Wire } from '../../lib/wire-nfs2.ts';
import type { RingVolcano } from './ring.ts';

/** A client of one volcano, and the handle of what it has mounted. */
export interface Client {
  readonly nfs: Nfs2Wire;
  readonly root: Buffer;
}

/** How often a call is sent until it is given up: a volcano may have to be replaced first. */
const TRANSMISSIONS = 120;

/** A volcano on this machine. */
export interface Called {
  readonly volcano: Pick<RingVolcano['volcano'], 'mountPort' | 'nfsPort'>;
}

/** A client that asks over UDP until it is answered, as long as it takes. */
export async function client(t: Test, { volcano }: Called): Promise<Client> {
  const mountWire = await UdpWire.open(volcano.mountPort);
  const wire = await UdpWire.open(volcano.nfsPort);
  t.teardown(() => {
    mountWire.close();
    wire.close();
  });
  return { nfs: new Nfs2Wire(wire, { patience: { transmissions: TRANSMISSIONS } }), root: await mount(mountWire, '/') };
}
