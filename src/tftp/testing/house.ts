import type { Test } from 'tap';
import { Shares } from '../../acl/shares.ts';
import { parseShares } from '../../acl/shares-file.ts';
import { ROOT, walkAndMake } from '../../acl/walk.ts';
import type { Logger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { letRun, virtualNetwork } from '../../base/testing/virtual-network.ts';
import { MemoryNotes } from '../../flare/testing/memory-notes.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import { type Attributes, FlareType } from '../../flare/types.ts';
import { TftpServer } from '../server.ts';
import { type Asking, fetchFile } from './client.ts';

/** A line of the log. */
export type Line = { readonly message: string } & Record<string, unknown>;

/** A tree in memory with TFTP in front of it, on a simulated network in virtual time. */
export async function tftpHouse(t: Test, rules = '/ * r', serves = { share: '/', path: '/tftp' }, seed = 1) {
  const { time, network, near, far } = virtualNetwork(seed);
  const clock = time.clock();
  const lines: Line[] = [];
  const note = (fields: object, message: string): void => void lines.push({ message, ...fields });
  const logger: Logger = { debug: note, info: note, warn: note, error: note, fatal: note, child: () => logger };
  const service = new MemoryService({ clock, random: seededRandom(1) });
  const surroundings = { service, notes: new MemoryNotes(), resolver: { resolve: async () => [] }, clock, logger };
  const shares = await Shares.open(parseShares(rules, 'shares').rules, surroundings);
  await walkAndMake(service, serves.path.split('/').filter(Boolean));
  const tree = { service, shares, ...serves };
  const server = await TftpServer.open({ net: near, clock, logger, addresses: [], port: 69, tree });
  t.teardown(letRun(time));

  const directory = (path: string): Promise<Attributes> => walkAndMake(service, path.split('/').filter(Boolean));
  return {
    ...{ time, network, server, service, lines, far, near, shares, directory },
    async file(path: string, data: Uint8Array, mode = 0o644): Promise<Attributes> {
      const at = path.lastIndexOf('/');
      const parent = await directory(path.slice(0, at));
      const made = await service.create(ROOT, parent, path.slice(at + 1), { type: FlareType.file, mode });
      for (let from = 0; from < data.length; from += 65_536)
        await service.write(ROOT, made, from, data.subarray(from, from + 65_536));
      return made;
    },
    async link(path: string, target: string): Promise<void> {
      const at = path.lastIndexOf('/');
      const birth = { type: FlareType.symlink, mode: 0o777, target: Buffer.from(target) } as const;
      await service.create(ROOT, await directory(path.slice(0, at)), path.slice(at + 1), birth);
    },
    /** Asks for a file, and waits until the server has done with it too. */
    async fetch(path: string, asking: Partial<Asking> = {}) {
      const to = { address: '10.0.0.1', port: 69 };
      const fetched = await fetchFile(path, { net: far, clock: time.clock(), server: to, ...asking });
      while (server.transfers > 0) await new Promise((resolve) => setImmediate(resolve));
      return fetched;
    },
  };
}
