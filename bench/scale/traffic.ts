import { WORKS_MAX, type Work } from '../../src/dht/balance/work.ts';
import { FAILOVER_MS, timesOf } from '../../src/dht/failover/times.ts';
import { NO_KEYS } from '../../src/dht/keys/standing.ts';
import type { Figures } from '../../src/dht/programs/node/handlers.ts';
import { HEARD_MAX, USAGE_MAX } from '../../src/dht/programs/node/procedures/figures.ts';
import { WATCH_MAX_MS } from '../../src/dht/programs/node/procedures/map.ts';
import { procedures } from '../../src/dht/programs/node/schema.ts';
import { wireLoads } from '../../src/dht/programs/node/wire.ts';
import { wireWorks } from '../../src/dht/programs/node/works.ts';
import { WATCH_MS } from '../../src/dht/replication/limits.ts';
import { distances, LOAD_MS } from '../../src/dht/volcano/figures.ts';
import { NOTES_MS } from '../../src/dht/volcano/network-notes.ts';

/** Calls a second while nobody changes anything, and connections: from the constants of the code, each volcano with slices and all mirrors in sync. */
export interface Traffic {
  /** Leases and looks after mirrors, which each volcano asks, and is asked. */
  readonly mirrorCalls: number;
  /** Exchanges of figures and of work that each volcano begins. */
  readonly figureCalls: number;
  /** Bytes of one of each, there and back. */
  readonly figureBytes: number;
  /** The same when each volcano tells of as many accounts with quotas as it may. */
  readonly figureBytesMost: number;
  /** What the keeper of the maps is asked for newer ones. */
  readonly keeperCalls: number;
  /** What the owner of the root is asked for the network's notes. */
  readonly rootCalls: number;
  /** Messages until all have heard of a change of the map: the keeper's answers, and the next questions. */
  readonly changeMessages: number;
  /** The most connections of one volcano when each is a gateway to all: of both programs, there and from there. */
  readonly connectionsMost: number;
}

const FIGURES: Figures = {
  ...{ load: 1, capacityBytes: 1, freeBytes: 1, availableBytes: 1, flares: 1, lagRecords: 1 },
  ...{ uptimeSeconds: 1, syncMs: 1, damaged: 0, repaired: 0, protocol: 1, keys: NO_KEYS },
};
const ID = '00'.repeat(16);

/** Bytes of an exchange of figures with what was heard of so many others, each with so many accounts. */
export function exchangeBytes(heard: number, accounts: number): number {
  const usage = Array.from({ length: accounts }, (_, uid) => ({ share: 0, uid, bytes: 0, files: 0 }));
  const others = Array.from({ length: heard }, () => ({ id: ID, ageMs: 0, figures: FIGURES, usage }));
  const loads = wireLoads({ figures: FIGURES, usage, heard: others });
  const there = procedures.LOAD.arguments.encode({ epoch: 1, sender: Buffer.from(ID, 'hex'), loads });
  return there.length + procedures.LOAD.result.encode({ ended: 0, value: loads }).length;
}

/** Bytes of an exchange of work with what was heard of so many others. */
export function workBytes(heard: number): number {
  const work: Work = {
    ...{ weight: 1, calls: 1, bytes: 1, units: 1, peakUnits: 1, aboveUnits: 1 },
    ...{ capacityBytes: 1, availableBytes: 1, settled: true, reason: 'it does no more than its share' },
  };
  const works = wireWorks(Array.from({ length: 1 + heard }, () => ({ id: ID, ageMs: 0, work })));
  const there = procedures.WORK.arguments.encode({ epoch: 1, works });
  return there.length + procedures.WORK.result.encode({ ended: 0, value: works }).length;
}

/** Of a network of so many volcanos with so many copies. */
export function trafficOf(volcanos: number, copies: number, failoverMs = FAILOVER_MS): Traffic {
  const mirrors = Math.min(copies, volcanos) - 1;
  const peers = distances(volcanos).length;
  const heard = peers === volcanos - 1 ? 0 : Math.min(HEARD_MAX, volcanos - 1);
  return {
    mirrorCalls: mirrors * (1000 / timesOf(failoverMs).renewMs + 1000 / WATCH_MS),
    figureCalls: (2 * peers * 1000) / LOAD_MS,
    figureBytes: exchangeBytes(heard, 0) + workBytes(Math.min(volcanos - 1, WORKS_MAX - 1)),
    figureBytesMost: exchangeBytes(heard, USAGE_MAX) + workBytes(Math.min(volcanos - 1, WORKS_MAX - 1)),
    keeperCalls: ((volcanos - 1) * 1000) / WATCH_MAX_MS,
    rootCalls: ((volcanos - 1) * 1000) / NOTES_MS,
    changeMessages: 2 * (volcanos - 1),
    connectionsMost: 4 * (volcanos - 1),
  };
}
