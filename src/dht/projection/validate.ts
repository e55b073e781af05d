import { parseAddress } from '../../base/address.ts';
import { PROTOCOL_MAX } from '../protocols.ts';
import {
  ADDRESS_MAX,
  ADDRESSES_MAX,
  ID_BYTES,
  MEMBERS_MAX,
  type Member,
  MIRRORS_MAX,
  NETWORK_NAME_MAX,
  NICKNAME_MAX,
  type Projection,
  ProjectionError,
  REPLICAS_MAX,
  SERVER_NAME_MAX,
  SLICES_MAX,
  SLICES_MIN,
  type SliceAssignment,
  VERSION_TEXT_MAX,
} from './types.ts';

const ID = new RegExp(`^[0-9a-f]{${2 * ID_BYTES}}$`);
const PRINTABLE = /^[\x20-\x7e]+$/;
const PORT_MAX = 65_535;

/** Whether the text is an id of a volcano or a network: 32 lower-case hexadecimal digits. */
export function isId(text: string): boolean {
  return ID.test(text);
}

function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new ProjectionError(message);
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isSafeInteger(value) && value >= low && value <= high;
}

function isText(text: string, max: number): boolean {
  return text.length <= max && PRINTABLE.test(text);
}

/** Lists of volcanos that were found sound: one projection shares its with the next when nobody comes or goes, and nothing is changed in place. */
const sound = new WeakSet<readonly Member[]>();
/** Of so many volcanos that are new each is held against all others; more are looked at together. */
const FEW = 8;

/** Throws `ProjectionError` when a volcano's entry is not sound by itself. */
export function checkMember(member: Member): void {
  const { id, nickname, serverName, addresses, flarePort, nodePort, version, state } = member;
  must(isId(id), `a volcano's id is ${JSON.stringify(id)}`);
  must(isText(nickname, NICKNAME_MAX) && !/[\s/]/.test(nickname), `volcano ${id}: its nickname is unfit`);
  must(serverName === '' || isText(serverName, SERVER_NAME_MAX), `${nickname}: its server name is unfit`);
  must(isWithin(addresses.length, 1, ADDRESSES_MAX), `${nickname}: it has ${addresses.length} addresses`);
  for (const address of addresses) {
    must(
      address.length <= ADDRESS_MAX && parseAddress(address) !== null,
      `${nickname}: ${address} is no numeric address`,
    );
  }
  must(isWithin(flarePort, 1, PORT_MAX) && isWithin(nodePort, 1, PORT_MAX), `${nickname}: a port is unfit`);
  must(isText(version, VERSION_TEXT_MAX), `${nickname}: its version is unfit`);
  must(state === 'joining' || state === 'serving' || state === 'leaving', `${nickname}: its state is ${state}`);
}

function checkUnique(members: readonly Member[]): void {
  const ids = new Set<string>();
  const nicknames = new Set<string>();
  for (const { id, nickname } of members) {
    must(!ids.has(id), `two volcanos have the id ${id}`);
    must(!nicknames.has(nickname), `two volcanos have the nickname ${nickname}`);
    ids.add(id);
    nicknames.add(nickname);
  }
}

/** `news`: those that are not in a list that was sound; the others are. */
function checkMembers(members: readonly Member[], news: readonly Member[]): void {
  if (sound.has(members)) return;
  for (const member of news) checkMember(member);
  if (news.length > FEW) checkUnique(members);
  else
    for (const { id, nickname } of news)
      checkUnique(members.filter((one) => one.id === id || one.nickname === nickname));
  sound.add(members);
}

function checkAscending(indexes: readonly number[], members: number, slice: number): void {
  let before = -1;
  for (const index of indexes) {
    must(isWithin(index, before + 1, members - 1), `slice ${slice}: its mirrors are not in order`);
    before = index;
  }
}

function checkAssignment({ volcanos }: Projection, assignment: SliceAssignment, slice: number): void {
  const { primary, inSync, filling } = assignment;
  const state = volcanos[primary]?.state;
  must(state === 'serving' || state === 'leaving', `slice ${slice}: its primary is not there, or does not serve`);
  must(inSync.length + filling.length <= MIRRORS_MAX, `slice ${slice}: it has too many mirrors`);
  checkAscending(inSync, volcanos.length, slice);
  checkAscending(filling, volcanos.length, slice);
  const twice = inSync.includes(primary) || filling.some((member) => member === primary || inSync.includes(member));
  must(!twice, `slice ${slice}: a volcano holds it twice`);
}

/** Going round the slices once must go round the volcanos once, forwards: then all runs are contiguous and in ring order. */
function checkRuns({ map, volcanos }: Projection): void {
  let forward = 0;
  let before = map.at(-1)!.primary;
  for (const { primary } of map) {
    forward += (primary - before + volcanos.length) % volcanos.length;
    before = primary;
  }
  must(forward === 0 || forward === volcanos.length, 'the runs of slices are not contiguous in ring order');
}

/**
 * Throws `ProjectionError` when the projection is not sound: bounds, unique ids and nicknames, one serving primary for each slice, no volcano twice in
 * a slice, the primaries' slices contiguous runs in ring order, the arbiter a member. `news`: the volcanos that are not those of a sound projection; all, when not given.
 */
export function validate(projection: Projection, news = projection.volcanos): void {
  const { epoch, networkId, networkName, replicas, arbiter, slices, protocol, volcanos, map } = projection;
  must(isWithin(epoch, 1, Number.MAX_SAFE_INTEGER), `the epoch is ${epoch}`);
  must(isId(networkId), 'the network id is unfit');
  must(networkName === null || isText(networkName, NETWORK_NAME_MAX), "the network's name is unfit");
  must(isWithin(replicas, 1, REPLICAS_MAX), `${replicas} replicas: 1 to ${REPLICAS_MAX} are possible`);
  must(isWithin(slices, SLICES_MIN, SLICES_MAX) && (slices & (slices - 1)) === 0, `${slices} slices`);
  must(isWithin(protocol, 1, PROTOCOL_MAX), `the protocol is ${protocol}`);
  must(map.length === slices, `${map.length} of ${slices} slices are assigned`);
  must(isWithin(volcanos.length, 1, MEMBERS_MAX), `${volcanos.length} volcanos: 1 to ${MEMBERS_MAX} are possible`);
  checkMembers(volcanos, news);
  must(arbiter === null || volcanos.some(({ id }) => id === arbiter), 'the arbiter is no volcano of the network');
  let last: SliceAssignment | undefined;
  for (const [slice, assignment] of map.entries()) {
    // Slices of a run share the object: looked at once.
    if (assignment !== last) checkAssignment(projection, assignment, slice);
    last = assignment;
  }
  checkRuns(projection);
}
