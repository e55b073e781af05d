import { type ClientObserved, NOTHING_OBSERVED, type Observation } from '../../dht/observation.ts';
import type { Member } from '../../dht/projection/types.ts';
import { member } from '../../dht/testing/members.ts';
import { LATENCY_BOUNDS_MS, type ProcedureFigures } from '../../rpc/procedure-gauges.ts';
import type { Answered } from '../every.ts';

function volcano(nickname: string, index: number): Member {
  return { ...member(index), nickname, state: 'serving' };
}

/** A volcano that has told that. */
export function told(nickname: string, index: number, observation: Partial<Observation>): Answered<Observation> {
  return {
    volcano: nickname,
    member: volcano(nickname, index),
    answer: { ...NOTHING_OBSERVED, nickname, clientsInAll: observation.clients?.length ?? 0, ...observation },
  };
}

/** A volcano that does not answer. */
export function silent(nickname: string, index: number, problem: string): Answered<Observation> {
  return { volcano: nickname, member: volcano(nickname, index), problem };
}

/** A client that has called so often. */
export function client(name: string, calls: number, more: Partial<ClientObserved> = {}): ClientObserved {
  return {
    ...{ client: name, calls, retransmissions: 0, duplicates: 0, replayed: 0, requestBytes: 0, replyBytes: 0 },
    ...{ lossPercent: 0, sick: false, mounts: [], mountsInAll: 0 },
    ...{ quietMs: 2000, stuckMs: 0, procedures: [] },
    ...more,
  };
}

/** Calls of a procedure of NFS, all of which took between the bound before that one and that bound. */
export function procedure(name: string, calls: number, bound: number): ProcedureFigures {
  const buckets = new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0);
  buckets[bound] = calls;
  return {
    ...{ program: 'nfs', version: 2, procedure: name, calls, refused: 0 },
    ...{ requestBytes: 100 * calls, replyBytes: 200 * calls, milliseconds: calls, buckets },
  };
}
