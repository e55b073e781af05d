import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { check, testStore } from '../../flare/store/testing/harness.ts';
import { type BackupEnd, BackupWriter, type Cut, readBackups } from '../backup/format.ts';
import { type Restored, restore } from '../backup/restore.ts';
import { type TakeOptions, take } from '../backup/take.ts';
import type { Link } from '../link.ts';
import { NodeClient } from '../programs/node/client.ts';
import type { Member } from '../projection/types.ts';
import { operatorLink } from './operator.ts';
import type { VirtualRing } from './virtual-ring.ts';

/** A volcano is told to hold within so many milliseconds. */
const HEARD_MS = 12;

/** A backup as `magma backup` makes it, in memory. */
export interface MadeBackup {
  readonly bytes: Buffer;
  readonly end: BackupEnd;
}

/** Makes backups of a virtual ring, from a host of its own. */
export class BackupOperator {
  readonly #ring: VirtualRing;
  readonly #host;
  #made = 0;

  constructor(ring: VirtualRing) {
    this.#ring = ring;
    this.#host = ring.network.host('backups', ['10.9.9.10']);
  }

  /** Time must go by for it. */
  async backup(
    follows: { readonly id: string; readonly at: Cut } | null,
    { of = null, ...rest }: Pick<TakeOptions, 'giveUpMs' | 'read'> & Partial<Pick<TakeOptions, 'of'>> = {},
  ): Promise<MadeBackup> {
    const ring = this.#ring;
    const clock = ring.time.clock();
    const process = this.#host.process(clock);
    const links = new Map<string, Link>();
    const [some] = ring.volcanos.flatMap(({ ring: one }) => (one === null ? [] : [one]));
    const { networkId } = some!;
    let projection = some!.projection();
    const linkOf = async ({ id, nickname, addresses, nodePort: port }: Member): Promise<Link> => {
      const made = links.get(id);
      if (made !== undefined) return made;
      const to = { address: addresses[0]!, port };
      const link = await operatorLink({ process, clock, random: ring.random(), networkId, name: nickname, to });
      links.set(id, link);
      return link;
    };
    for (const volcano of projection.volcanos) await linkOf(volcano);
    const node = ({ id }: Member): NodeClient => new NodeClient(links.get(id)!, () => projection.epoch);
    const late = ring.random();
    const chunks: Buffer[] = [];
    const writer = new BackupWriter(async (bytes) => void chunks.push(Buffer.from(bytes)));
    const id = `${++this.#made}`.padStart(32, '0');
    const share = of && { path: '/some', top: of.top };
    await writer.begin({ id, network: networkId, begun: `backup ${this.#made}`, version: '0', share, follows });
    try {
      const taken = await take({
        network: {
          get projection() {
            return projection;
          },
          backup: (member) => {
            const source = node(member).backup;
            // They hear of it one after the other, with whole operations in between.
            const hold = async (id: number, ms: number) => {
              await ring.pause(late.below(HEARD_MS));
              return source.hold(id, ms);
            };
            return { ...source, hold };
          },
          refresh: async () => {
            for (const volcano of projection.volcanos) {
              const known = await node(volcano)
                .known()
                .catch(() => null);
              if (known !== null && known.epoch > projection.epoch) projection = known;
            }
          },
        },
        ...{ clock, random: ring.random(), from: follows?.at ?? null, of },
        put: (records) => writer.records(records),
        ...rest,
      });
      const end = await writer.end({ ...taken, taken: `${taken.time}` });
      return { bytes: Buffer.concat(chunks), end };
    } finally {
      for (const link of links.values()) void link.close();
      process.kill();
    }
  }
}

/** The data directory that is made of backups, and what a check of it finds wrong. */
export async function restoredDisk(
  bytes: Buffer,
): Promise<{ readonly disk: SimulatedDisk; readonly told: Restored; readonly wrong: readonly unknown[] }> {
  const disk = new SimulatedDisk();
  const { store, clock, errors } = await testStore({ disk, clock: manualClock() });
  const chunks = async function* (): AsyncGenerator<Buffer> {
    yield bytes;
  };
  const told = await restore(store, readBackups(chunks()), clock);
  await store.close();
  const { differences, faults } = await check(disk);
  return { disk, told, wrong: [...errors, ...differences, ...faults] };
}
