import type { Test } from 'tap';
import { Shares } from '../../src/acl/shares.ts';
import { parseShares } from '../../src/acl/shares-file.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { seededRandom } from '../../src/base/random.ts';
import { systemNet } from '../../src/base/system-net.ts';
import { type ManualClock, manualClock } from '../../src/base/testing/manual-clock.ts';
import { MemoryNotes } from '../../src/flare/testing/memory-notes.ts';
import { MemoryService } from '../../src/flare/testing/memory-service.ts';
import { FlareType } from '../../src/flare/types.ts';
import { CallBack } from '../../src/lockd/call-back.ts';
import { openLockd } from '../../src/lockd/lockd.ts';
import { Hosts } from '../../src/lockd/nsm/hosts.ts';
import { Handles } from '../../src/nfs2/handle.ts';
import { RpcServer } from '../../src/rpc/server.ts';
import { NlmClient, SERVER } from './nlm-client.ts';

/** A tree in memory with the lock manager and the status monitor in front of it, on real sockets. */
export interface LockService {
  readonly port: number;
  readonly store: MemoryService;
  readonly notes: MemoryNotes;
  readonly hosts: Hosts;
  /** Of everything but the sockets' server: nothing happens by time unless it is advanced. */
  readonly clock: ManualClock;
  readonly log: string[];
  /** Lets time pass until that is settled. */
  meanwhile<T>(asked: Promise<T>): Promise<T>;
  /** The handle of a new file, of mode 0666 unless said otherwise. */
  file(name: string, mode?: number): Buffer;
  /** A client at that address of loopback, with a portmapper of its own. */
  client(address: string, name: string, protocol?: 'udp' | 'tcp'): Promise<NlmClient>;
}

/** Serves them for the time of the test. */
export async function serveLocks(t: Test, rules = '/ * w'): Promise<LockService> {
  const clock = manualClock();
  const random = seededRandom(1);
  const log: string[] = [];
  const note = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, info: note, warn: note, error: note };
  const store = new MemoryService({ clock, random, root: { mode: 0o777 } });
  const notes = new MemoryNotes();
  const resolver = { resolve: async () => [] };
  const shares = await Shares.open(parseShares(rules, 'shares').rules, {
    service: store,
    notes,
    resolver,
    clock,
    logger,
  });
  const handles = new Handles(Buffer.alloc(32, 7), store);
  const hosts = new Hosts(notes, clock, logger);
  // Clients' portmappers are at a port that tests may have.
  const portmapPort = 20_111 + (process.pid % 12_000);
  const lockd = openLockd({
    ...{ service: store, gate: shares, notes, hosts, clock, random, logger },
    open: (handle) => handles.open(handle),
    isOurs: (handle) => handles.isOurs(handle),
    release: async (holder) => store.locks.releaseHolder(holder),
    callBack: new CallBack({ net: systemNet, clock, random, portmapPort }),
    name: () => 'wallace',
  });
  const server = new RpcServer({ net: systemNet, clock: systemClock, logger });
  const programs = [...lockd.programs];
  const { port } = await server.listen({ programs, addresses: [SERVER, '::1'], port: 0 });
  t.teardown(async () => {
    lockd.stop();
    await server.stop();
  });
  return {
    ...{ port, store, notes, hosts, clock, log },
    async meanwhile(asked) {
      let settled = false;
      const end = (): void => {
        settled = true;
      };
      asked.then(end, end);
      while (!settled) {
        clock.advance(100);
        await new Promise(setImmediate);
      }
      return asked;
    },
    file(name, mode = 0o666) {
      const made = store.create({ uid: 0, gid: 0, gids: [] }, store.root(), name, { type: FlareType.file, mode });
      return handles.issue(made, 1);
    },
    async client(address, name, protocol = 'udp') {
      const client = await NlmClient.open({ port, portmapPort, address, name, protocol });
      t.teardown(() => client.close());
      return client;
    },
  };
}
