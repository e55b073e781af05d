import { type MoveNote, moveText } from './balance/moves.ts';
import { keyStanding, momentText, type OldKey } from './keys/standing.ts';
import type { Figures } from './programs/node/handlers.ts';
import { copiesWanted, mirroredBy, runs, singleCopies } from './projection/queries.ts';
import { LARGE, type Member, type Projection, type SliceRange } from './projection/types.ts';

/** The names of the files of `/.dht/` that are about no volcano. A volcano of that nickname has its file under `<nickname>.volcano`. */
export const RING_FILE = 'ring';
export const PROJECTION_FILE = 'projection';

/** Nicknames that cannot be file names: those two, and what they would be called. */
const TAKEN = /^(ring|projection)(\.volcano)*$/;

/** What is known of a volcano besides the projection. */
export interface KnownFigures {
  readonly figures: Figures;
  /** So many seconds ago something was heard of it last. */
  readonly heardSeconds: number;
}

/** What is known of a volcano besides the projection; null when nothing has been heard of it since this one has started. */
export type KnownOf = (member: Member) => KnownFigures | null;

/** Who was not heard of for longer is not there, in seconds: figures are exchanged every 5; in a large network they come by way of others. */
export const HEARD_SECONDS = 20;
export const HEARD_SECONDS_LARGE = 60;

/** Whether a volcano of a network of so many is away: it was not heard of for too long, or never. */
export function isAway(known: KnownFigures | null, volcanos: number): boolean {
  return known === null || known.heardSeconds > (volcanos < LARGE ? HEARD_SECONDS : HEARD_SECONDS_LARGE);
}

/** What is known of the balance: whether it is paused, and the last moves, newest first. */
export interface KnownBalance {
  readonly paused: boolean;
  readonly moves: readonly MoveNote[];
}

const KEY_BITS = 160n;

/** The first and the last key of a run, as 40 hexadecimal digits each; the last may lie before the first, past the end of the keyspace. */
export function keysOf(
  { slices }: Pick<Projection, 'slices'>,
  { first, count }: SliceRange,
): { start: string; stop: string } {
  const each = (1n << KEY_BITS) / BigInt(slices);
  const text = (key: bigint): string => key.toString(16).padStart(40, '0');
  const behind = (first + count) % slices;
  return {
    start: text(BigInt(first) * each),
    stop: text((behind === 0 ? 1n << KEY_BITS : BigInt(behind) * each) - 1n),
  };
}

/** Slices as ranges: `0-63 128-191`; `-` when there are none. */
function slicesText(slices: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const slice of slices) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === slice - 1) last[1] = slice;
    else ranges.push([slice, slice]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ') || '-';
}

function lines(values: readonly (readonly [name: string, value: string | number])[]): string {
  return values.map(([name, value]) => `${name} = ${value}\n`).join('');
}

/** While a volcano lets in an older key of the network. */
function oldKeyRows(old: OldKey | null): [string, string | number][] {
  if (old === null) return [];
  return [
    ['old key until', untilText(old)],
    ['clients with the old key', old.clients],
  ];
}

function untilText({ until }: Pick<OldKey, 'until'>): string {
  return until === 0 ? 'it is ended' : momentText(until);
}

/** While the network's key is being changed. */
function keyRows({ volcanos }: Projection, knownOf: KnownOf): [string, string | number][] {
  const standing = keyStanding(volcanos, (member) => knownOf(member)?.figures.keys ?? null);
  if (standing === null) return [];
  const names = (some: readonly string[]): string => some.join(' ') || '-';
  return [
    ...oldKeyRows(standing),
    ['volcanos with the old key', names(standing.behind)],
    ['volcanos of which that is not known', names(standing.unheard)],
  ];
}

function volcanoText(
  projection: Projection,
  index: number,
  run: SliceRange | undefined,
  known: KnownFigures | null,
): string {
  const { id, nickname, serverName, addresses, flarePort, nodePort, version, state } = projection.volcanos[index]!;
  const mirrors = mirroredBy(projection, index);
  const own =
    run === undefined ? [] : Array.from({ length: run.count }, (_, at) => (run.first + at) % projection.slices);
  const keys = run === undefined ? { start: '-', stop: '-' } : keysOf(projection, run);
  const figure = (name: Exclude<keyof Figures, 'keys'>): string | number => known?.figures[name] ?? 'unknown';
  return lines([
    ['nickname', nickname],
    ['id', id],
    ['server name', serverName === '' ? '-' : serverName],
    ['address', addresses.join(' ')],
    ['flare port', flarePort === 0 ? '-' : flarePort],
    ['node port', nodePort === 0 ? '-' : nodePort],
    ['version', version],
    ['state', state],
    ['arbiter', projection.arbiter === id ? 'yes' : 'no'],
    ['epoch', projection.epoch],
    ['start key', keys.start],
    ['stop key', keys.stop],
    ['slices', slicesText(own)],
    ['single copy', slicesText(singleCopies(projection, index))],
    ['mirrors', slicesText(mirrors.inSync)],
    ['mirrors filling', slicesText(mirrors.filling)],
    ['heard', known === null ? 'never' : known.heardSeconds],
    ['load', figure('load')],
    ['capacity', figure('capacityBytes')],
    ['free', figure('freeBytes')],
    ['available', figure('availableBytes')],
    ['flares', figure('flares')],
    ['lag', figure('lagRecords')],
    ['uptime', figure('uptimeSeconds')],
    ['sync', figure('syncMs')],
    ['damaged', figure('damaged')],
    ['repaired', figure('repaired')],
    ...oldKeyRows(known?.figures.keys.old ?? null),
  ]);
}

/** The nicknames of those who were heard of lately, and of all others. */
function heardNames({ volcanos }: Projection, knownOf: KnownOf): { heard: string; silent: string } {
  const isHeard = (member: Member): boolean => !isAway(knownOf(member), volcanos.length);
  const names = (some: readonly Member[]): string => some.map(({ nickname }) => nickname).join(' ') || '-';
  return {
    heard: names(volcanos.filter(isHeard)),
    silent: names(volcanos.filter((member) => !isHeard(member))),
  };
}

function balanceRows(balance: KnownBalance | null): [string, string][] {
  if (balance === null) return [];
  const moves = balance.moves.map((move, at): [string, string] => [`move ${at}`, moveText(move)]);
  return [['balance', balance.paused ? 'paused' : 'on'], ...moves];
}

function ringText(
  projection: Projection,
  all: ReadonlyMap<number, SliceRange>,
  knownOf: KnownOf,
  balance: KnownBalance | null,
): string {
  const { heard, silent } = heardNames(projection, knownOf);
  const { epoch, networkId, networkName, replicas, arbiter, slices, volcanos } = projection;
  return lines([
    ['network', networkName ?? '-'],
    ['network id', networkId],
    ['epoch', epoch],
    ['replicas', replicas],
    ['copies', copiesWanted(projection)],
    ['slices', slices],
    ['slices with a single copy', singleCopies(projection).length],
    ['arbiter', volcanos.find(({ id }) => id === arbiter)?.nickname ?? 'etcd'],
    ['volcanos', volcanos.length],
    ['heard from', heard],
    ['not heard from', silent],
    ...volcanos.map(({ nickname, state }, index): [string, string | number] => {
      const run = all.get(index);
      const keys = run === undefined ? '-' : Object.values(keysOf(projection, run)).join(' ');
      return [`volcano ${index}`, `${nickname} ${state} ${run?.count ?? 0} ${keys}`];
    }),
    ...balanceRows(balance),
    ...keyRows(projection, knownOf),
  ]);
}

/** Runs of slices with the same holders: `slices <first>-<last> = <primary> in sync: ... filling: ...`. */
function projectionText({ epoch, map, volcanos }: Projection): string {
  const name = (index: number): string => volcanos[index]!.nickname;
  const names = (indexes: readonly number[]): string => indexes.map(name).join(' ') || '-';
  const rows: { first: number; last: number; text: string }[] = [];
  for (const [slice, { primary, inSync, filling }] of map.entries()) {
    const text = `${name(primary)}, in sync: ${names(inSync)}, filling: ${names(filling)}`;
    const last = rows.at(-1);
    if (last !== undefined && last.text === text) last.last = slice;
    else rows.push({ first: slice, last: slice, text });
  }
  return lines([
    ['epoch', epoch],
    ...rows.map(({ first, last, text }): [string, string] => [`slices ${first}-${last}`, text]),
  ]);
}

/**
 * The files of `/.dht/` by name, in ring order, then `ring` and `projection`: `name = value` a line, always in the same order, from what is known: nothing is asked, nothing is
 * secret. Bytes, seconds, counts, and the milliseconds of a sync are plain numbers; `-` stands for none, `unknown` for a figure that nobody has told yet, `never` for who was not heard of since this volcano has started.
 * Of a volcano that takes part in the balance `ring` tells of that, too: whether it is paused, and the last moves, newest first. While an older key of the network is let in, all files but `projection` say until when, and who has it.
 */
export function stateFiles(
  projection: Projection,
  knownOf: KnownOf,
  balance: KnownBalance | null = null,
): ReadonlyMap<string, string> {
  const all = new Map(runs(projection).map((run) => [run.member, run]));
  const files = new Map<string, string>();
  for (const [index, member] of projection.volcanos.entries()) {
    const { nickname } = member;
    const text = volcanoText(projection, index, all.get(index), knownOf(member));
    files.set(TAKEN.test(nickname) ? `${nickname}.volcano` : nickname, text);
  }
  files.set(RING_FILE, ringText(projection, all, knownOf, balance));
  files.set(PROJECTION_FILE, projectionText(projection));
  return files;
}
