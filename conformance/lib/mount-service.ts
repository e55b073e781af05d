import type { Test } from 'tap';
import { Shares } from '../../src/acl/shares.ts';
import { parseShares } from '../../src/acl/shares-file.ts';
import { walkAndMake } from '../../src/acl/walk.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { seededRandom } from '../../src/base/random.ts';
import { systemNet } from '../../src/base/system-net.ts';
import { MemoryNotes } from '../../src/flare/testing/memory-notes.ts';
import { MemoryService } from '../../src/flare/testing/memory-service.ts';
import { type Attributes, FlareType } from '../../src/flare/types.ts';
import { MountList } from '../../src/mountd/mount-list.ts';
import { mountProgram } from '../../src/mountd/program.ts';
import { RpcServer } from '../../src/rpc/server.ts';

/** A tree in memory with the mount program in front of it, on real sockets. */
export interface MountService {
  readonly port: number;
  readonly shares: Shares;
  readonly notes: MemoryNotes;
  /** Log lines: the message and its fields. */
  readonly lines: { message: string; fields: Record<string, unknown> }[];
  makeDirectory(path: string): Promise<Attributes>;
  makeFile(directory: string, name: string): Promise<void>;
  /** Serves the same tree and notes anew, as after a restart; resolves with the port. */
  again(): Promise<number>;
}

/** Serves the mount program on all addresses of loopback, for the time of the test. */
export async function serveMounts(t: Test, rules: string): Promise<MountService> {
  const clock = systemClock;
  const lines: MountService['lines'] = [];
  const note = (fields: object, message: string) => void lines.push({ message, fields: { ...fields } });
  const logger: Logger = { ...silentLogger, info: note, warn: note, error: note };
  const service = new MemoryService({ clock, random: seededRandom(1) });
  const notes = new MemoryNotes();
  const resolver = { resolve: async () => ['10.1.2.3'] };
  const shares = await Shares.open(parseShares(rules, 'shares').rules, { service, notes, resolver, clock, logger });
  const issueHandle = (id: { key: string }, share: number): Buffer => {
    const handle = Buffer.alloc(32);
    handle.writeUInt16BE(share, 1);
    handle.write(id.key, 3, 'latin1');
    return handle;
  };
  async function start(): Promise<number> {
    const server = new RpcServer({ net: systemNet, clock, logger });
    const mounts = new MountList(notes, clock, logger);
    const program = mountProgram({ shares, mounts, issueHandle, clock, logger });
    const { port } = await server.listen({ programs: [program], addresses: ['127.0.0.1', '::1'], port: 0 });
    t.teardown(() => server.stop());
    return port;
  }
  const makeDirectory = (path: string) => walkAndMake(service, path.split('/').filter(Boolean));
  return {
    port: await start(),
    shares,
    notes,
    lines,
    makeDirectory,
    async makeFile(directory, name) {
      const parent = await makeDirectory(directory);
      service.create({ uid: 0, gid: 0, gids: [] }, parent, name, { type: FlareType.file, mode: 0o644 });
    },
    again: start,
  };
}
