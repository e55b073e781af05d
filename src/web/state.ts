import { isUrgent, keyStanding, standingText } from '../dht/keys/standing.ts';
import { CLIENTS_OBSERVED_MAX, type Observation } from '../dht/observation.ts';
import type { Figures } from '../dht/programs/node/handlers.ts';
import { copiesWanted, runs, sameAssignment, singleCopies } from '../dht/projection/queries.ts';
import type { MemberId, Projection } from '../dht/projection/types.ts';
import { isAway } from '../dht/state-text.ts';
import { SLOW_SYNC_MS } from '../flare/kml/sync-times.ts';
import { LATENCY_BOUNDS_MS } from '../rpc/procedure-gauges.ts';
import type { ClientState, ProcedureState, RunState, ShareState, State, VolcanoState } from './api.ts';
import type { Observed } from './observed.ts';
import type { WebParts } from './parts.ts';
import { encodedPath } from './percent.ts';

/** The most runs that are told; what is beyond them is left out. */
export const RUNS_MAX = 4096;
/** The most procedures that are told, those with most calls first. */
export const PROCEDURES_MAX = 1024;
/** The most shares that are told. */
export const SHARES_MAX = 256;

type Seen = ReadonlyMap<MemberId, Observed>;

/** What is wrong with a volcano's disk, in sentences. */
export function warningsOf({ syncMs, damaged, repaired }: Pick<Figures, 'syncMs' | 'damaged' | 'repaired'>): string[] {
  return [
    ...(syncMs >= SLOW_SYNC_MS ? [`Slow disk: a sync takes ${syncMs} ms, and all who write wait for it.`] : []),
    ...(damaged > 0
      ? [
          `Damage on the disk: ${damaged} records of the log, ${repaired} of which came anew from another volcano. Replace the disk.`,
        ]
      : []),
  ];
}

/** How many slices each volcano mirrors in sync, and is being filled with. */
function mirrorCounts({ map, volcanos }: Projection): readonly { readonly inSync: number; readonly filling: number }[] {
  const counts = volcanos.map(() => ({ inSync: 0, filling: 0 }));
  for (const { inSync, filling } of map) {
    for (const index of inSync) counts[index]!.inSync += 1;
    for (const index of filling) counts[index]!.filling += 1;
  }
  return counts;
}

function volcanosOf({ ring }: WebParts, projection: Projection, seen: Seen, now: number): VolcanoState[] {
  const { volcanos, arbiter } = projection;
  const owned = new Map(runs(projection).map(({ member, count }) => [member, count]));
  const mirrors = mirrorCounts(projection);
  return volcanos.map(({ id, nickname, serverName, addresses, state }, index) => {
    const { inSync, filling } = mirrors[index]!;
    const known = ring.figures(id);
    const observed = seen.get(id) ?? { problem: 'it was not asked', asked: false };
    return {
      ...{ id, nickname, serverName, address: addresses[0] ?? '', state },
      ...{ self: id === ring.self, arbiter: id === arbiter },
      ...{ slices: owned.get(index) ?? 0, mirrors: inSync, filling },
      figures: known?.figures ?? null,
      heardMs: known === null ? null : now - known.heardSeconds * 1000,
      away: isAway(known, volcanos.length),
      problem: 'problem' in observed ? observed.problem : null,
      silent: 'problem' in observed && observed.asked,
      warnings: known === null ? [] : warningsOf(known.figures),
    };
  });
}

/** Consecutive slices with the same copies. */
export function runsOf({ map }: Pick<Projection, 'map'>): RunState[] {
  const found: { first: number; count: number; at: Projection['map'][number] }[] = [];
  for (const [slice, at] of map.entries()) {
    const last = found.at(-1);
    if (last !== undefined && sameAssignment(last.at, at)) last.count += 1;
    else found.push({ first: slice, count: 1, at });
  }
  return found.slice(0, RUNS_MAX).map(({ first, count, at }) => ({ first, count, ...at }));
}

function clientsOf(all: readonly Observation[]): ClientState[] {
  return all
    .flatMap(({ nickname, clients }) =>
      clients.map(({ procedures: _, mounts, ...client }) => {
        return { ...client, volcano: nickname, mounts: mounts.map(encodedPath) };
      }),
    )
    .sort((one, other) => other.lossPercent - one.lossPercent || other.calls - one.calls)
    .slice(0, CLIENTS_OBSERVED_MAX);
}

function proceduresOf(all: readonly Observation[]): ProcedureState[] {
  return all
    .flatMap(({ nickname, procedures }) =>
      procedures.filter(({ calls }) => calls > 0).map((procedure) => ({ ...procedure, volcano: nickname })),
    )
    .sort((one, other) => other.calls - one.calls)
    .slice(0, PROCEDURES_MAX);
}

/** Shares that volcanos have in common, with the same rules, are one. */
function sharesOf(all: readonly Observation[]): ShareState[] {
  const found = new Map<string, ShareState & { readonly volcanos: string[] }>();
  for (const { nickname, shares } of all) {
    for (const { path, rules } of shares) {
      const name = [path, ...rules].join('\0');
      const known = found.get(name);
      if (known !== undefined) known.volcanos.push(nickname);
      else if (found.size < SHARES_MAX) found.set(name, { path: encodedPath(path), rules, volcanos: [nickname] });
    }
  }
  return [...found.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
}

function oldKeyOf(ring: WebParts['ring'], { volcanos }: Projection, nowSeconds: number): State['oldKey'] {
  const standing = keyStanding(volcanos, ({ id }) => ring.figures(id)?.figures.keys ?? null);
  return standing && { text: standingText(standing, nowSeconds), urgent: isUrgent(standing, nowSeconds) };
}

/** The network as the page shows it, of the newest map and what volcanos see. */
export function stateOf(parts: WebParts, seen: Seen): State {
  const { ring, clock } = parts;
  const projection = ring.projection();
  const { networkId, epoch, slices, replicas, volcanos, map } = projection;
  const now = Math.floor(clock.now() / 1000);
  const copies = copiesWanted(projection);
  const told = volcanos.flatMap(({ id, nickname }) => {
    const observed = seen.get(id);
    // What a volcano calls itself is not gone by: the map says it.
    return observed === undefined || 'problem' in observed ? [] : [{ ...observed, nickname }];
  });
  return {
    ...{ now, networkId, epoch, slices, copies, replicas },
    singleCopies: singleCopies(projection).length,
    oldKey: oldKeyOf(ring, projection, now / 1000),
    shortOfCopies: map.filter(({ inSync }) => 1 + inSync.length < copies).length,
    volcanos: volcanosOf(parts, projection, seen, now),
    runs: runsOf(projection),
    latencyBoundsMs: LATENCY_BOUNDS_MS,
    procedures: proceduresOf(told),
    clients: clientsOf(told),
    clientsInAll: told.reduce((sum, { clientsInAll }) => sum + clientsInAll, 0),
    shares: sharesOf(told),
  };
}
