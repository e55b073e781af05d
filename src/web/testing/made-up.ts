import type { ClientState, ProcedureState, RunState, State, VolcanoState } from '../api.ts';
import { BEGIN_MS, STEP_MS } from './scenario.ts';

/** Bounds of latency, as a volcano has them. */
export const BOUNDS_MS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];
const GIB = 2 ** 30;

/** A volcano that is well. */
export function volcano(nickname: string, last: number, more: Partial<VolcanoState> = {}): VolcanoState {
  return {
    id: last.toString(16).padStart(32, '7'),
    nickname,
    serverName: `${nickname}.lab.example`,
    address: `192.168.1.${last}`,
    state: 'serving',
    self: false,
    arbiter: false,
    slices: 85,
    mirrors: 86,
    filling: 0,
    figures: {
      load: 240 + last * 7,
      capacityBytes: 1863 * GIB,
      freeBytes: (1863 - last * 31) * GIB,
      availableBytes: (1830 - last * 31) * GIB,
      flares: 182_340 + last * 1311,
      lagRecords: 0,
      uptimeSeconds: 86_400 * 41 + last * 977,
      syncMs: 1.8 + last / 40,
      damaged: 0,
      repaired: 0,
      protocol: 1,
      keys: { plan: 0, old: null },
    },
    heardMs: BEGIN_MS,
    away: false,
    problem: null,
    silent: false,
    warnings: [],
    ...more,
  };
}

/** A client that is well. */
export function client(address: string, volcano: string, calls: number, more: Partial<ClientState> = {}): ClientState {
  return {
    client: address,
    volcano,
    calls,
    retransmissions: 0,
    duplicates: 0,
    replayed: 0,
    requestBytes: calls * 143,
    replyBytes: calls * 2210,
    lossPercent: 0,
    sick: false,
    quietMs: 1000,
    stuckMs: 0,
    mounts: ['/srv'],
    mountsInAll: 1,
    ...more,
  };
}

/** Runs of a ring of so many volcanos: each mirrored by the next one. */
export function ringOf(volcanos: number, slices = 256): RunState[] {
  return Array.from({ length: volcanos }, (_, index) => {
    const first = Math.round((index * slices) / volcanos);
    const count = Math.round(((index + 1) * slices) / volcanos) - first;
    return { first, count, primary: index, inSync: volcanos > 1 ? [(index + 1) % volcanos] : [], filling: [] };
  });
}

const MIX: readonly (readonly [string, number, number])[] = [
  ['GETATTR', 210, 0.12],
  ['LOOKUP', 96, 0.2],
  ['READ', 140, 0.9],
  ['WRITE', 58, 6.5],
  ['READDIR', 14, 0.8],
  ['CREATE', 6, 9],
  ['REMOVE', 5, 8],
  ['STATFS', 2, 0.1],
  ['RENAME', 1, 12],
];

/** Numbers that look like chance and are the same at each run. */
export function chance(seed: number): number {
  const value = Math.sin(seed * 127.1 + 311.7) * 43_758.5453;
  return value - Math.floor(value);
}

/** What was counted on a volcano after so many steps. */
export function procedures(volcano: string, step: number, share: number): ProcedureState[] {
  return MIX.map(([procedure, perSecond, typicalMs], at) => {
    const buckets = new Array<number>(BOUNDS_MS.length + 1).fill(0);
    let calls = 0;
    for (let past = 0; past <= step; past++) {
      const wave = 1 + 0.45 * Math.sin(past / (9 + at * 2) + at) + 0.25 * (chance(past * 17 + at) - 0.5);
      const burst = procedure === 'READ' && past % 75 > 58 ? 2.4 : 1;
      const fresh = Math.max(0, Math.round(perSecond * share * (STEP_MS / 1000) * wave * burst));
      calls += fresh;
      const typical = BOUNDS_MS.findIndex((bound) => bound >= typicalMs);
      for (const [from, part] of [0.12, 0.62, 0.2, 0.045, 0.012, 0.003].entries())
        buckets[Math.min(BOUNDS_MS.length, typical - 1 + from)]! += Math.round(fresh * part);
    }
    const all = buckets.reduce((sum, count) => sum + count, 0);
    buckets[BOUNDS_MS.findIndex((bound) => bound >= typicalMs)]! += Math.max(0, calls - all);
    return {
      program: 'nfs',
      version: 2,
      procedure,
      volcano,
      calls: Math.max(calls, all),
      refused: 0,
      requestBytes: calls * 140,
      replyBytes: calls * 900,
      milliseconds: calls * typicalMs,
      buckets,
    };
  });
}

/** A state of a healthy ring of three, after so many steps, with something else. */
export function ring(step: number, more: Partial<State> = {}): State {
  const now = BEGIN_MS + step * STEP_MS;
  const volcanos = [
    volcano('wallace', 20, { self: true, arbiter: true, slices: 86, mirrors: 85, heardMs: now }),
    volcano('gromit', 21, { heardMs: now - 1200 }),
    volcano('feathers', 22, { mirrors: 85, heardMs: now - 2100 }),
  ];
  return {
    now,
    networkId: '3f9a61c2b7d84e10a2c45b6e7f801932',
    epoch: 14,
    slices: 256,
    copies: 2,
    replicas: 2,
    singleCopies: 0,
    oldKey: null,
    shortOfCopies: 0,
    volcanos,
    runs: ringOf(3),
    latencyBoundsMs: BOUNDS_MS,
    procedures: volcanos.flatMap(({ nickname }, index) => procedures(nickname, step, 1 - index * 0.25)),
    clients: clients(step),
    clientsInAll: 6,
    shares: [
      {
        path: '/',
        rules: ['/ 127.0.0.1 w no_root_squash', '/ 192.168.1.0/24 w', '/ 0.0.0.0/0 r all_squash'],
        volcanos: ['wallace', 'gromit', 'feathers'],
      },
      {
        path: '/boot/crates',
        rules: [
          '/boot/crates 192.168.7.0/24 r secure,tsize=1024',
          '/boot/crates/scratch 192.168.7.0/24 w all_squash,anonuid=1200,anongid=1200',
        ],
        volcanos: ['wallace', 'gromit', 'feathers'],
      },
    ],
    ...more,
  };
}

function clients(step: number): ClientState[] {
  return [
    client('192.168.1.60', 'wallace', 901_220 + step * 410, { mounts: ['/', '/boot/crates'], mountsInAll: 2 }),
    client('192.168.7.11', 'wallace', 44_310 + step * 60, {
      mounts: ['/boot/crates'],
      retransmissions: 4,
      duplicates: 3,
      replayed: 1,
    }),
    client('192.168.7.12', 'gromit', 43_018 + step * 52, { mounts: ['/boot/crates'] }),
    client('192.168.7.13', 'gromit', 40_977 + step * 3, {
      mounts: ['/boot/crates'],
      retransmissions: 2,
      duplicates: 2,
    }),
    client('192.168.1.91', 'feathers', 218_002 + step * 148, {
      mounts: ['/home/ada', '/home/ben', '/home/cleo'],
      mountsInAll: 5,
    }),
    client('192.168.1.99', 'feathers', 0, { mounts: ['/'] }),
  ];
}
