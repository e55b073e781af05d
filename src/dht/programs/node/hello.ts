import type { Projection } from '../../projection/types.ts';
import { commonProtocol, type Protocols, protocolsText, unfitFor } from '../../protocols.ts';
import { DeniedError } from '../result.ts';

/** How far apart two volcanos' clocks may be, in milliseconds. */
export const CLOCK_SKEW_MAX_MS = 5_000;

/** What a volcano says of itself when it meets another one. */
export interface Hello {
  readonly protocols: Protocols;
  /** The version of its software, for people. */
  readonly version: string;
  /** The network that its data directory belongs to; null: it is new. */
  readonly networkId: string | null;
  /** Its own id and nickname. */
  readonly id: string;
  readonly nickname: string;
  /** The newest epoch that it knows; 0: none. */
  readonly epoch: number;
  /** Its clock, in µs. */
  readonly clock: number;
  /** It wants to become a member. */
  readonly joining: boolean;
  /** The how manieth life of its data directory this is, and a number of chance of this life; 0 of who is no volcano. */
  readonly life: number;
  readonly born: number;
}

/** When the other's clock was read, at the earliest and the latest, by this volcano's, in µs. */
export interface Between {
  readonly earliest: number;
  readonly latest: number;
}

function seconds(microseconds: number): string {
  return `${(Math.abs(microseconds) / 1e6).toFixed(1)} s`;
}

function checkProtocols(mine: Hello, theirs: Hello): void {
  if (commonProtocol(mine.protocols, theirs.protocols) !== null) return;
  const said = ({ nickname, version, protocols }: Hello, runs: string): string =>
    `${nickname}${runs} ${version} (node protocol ${protocolsText(protocols)})`;
  const older = mine.protocols.most < theirs.protocols.most ? mine : theirs;
  throw new DeniedError(
    `${said(theirs, ' runs magma')}, ${said(mine, '')}: they have no protocol in common. Run a newer magma on ${older.nickname}, or the same version on both`,
  );
}

function checkLevel(network: number, ...both: readonly Hello[]): void {
  for (const { nickname, version, protocols } of both) {
    const unfit = unfitFor(network, `${nickname} (magma ${version})`, protocols);
    if (unfit !== null) throw new DeniedError(unfit);
  }
}

function checkNetwork(mine: Hello, theirs: Hello): void {
  if (mine.networkId === theirs.networkId) return;
  // A new volcano takes the id of the network that it joins.
  if (theirs.networkId === null && theirs.joining) return;
  if (mine.networkId === null && mine.joining) return;
  const [newcomer, member] = mine.joining ? [mine, theirs] : [theirs, mine];
  if (newcomer.joining) {
    throw new DeniedError(
      `the data directory of ${newcomer.nickname} belongs to network ${newcomer.networkId}, ${member.nickname} to network ` +
        `${member.networkId}: start ${newcomer.nickname} with an empty data directory`,
    );
  }
  throw new DeniedError(
    `${theirs.nickname} belongs to network ${theirs.networkId ?? '(none)'}, ${mine.nickname} to network ${mine.networkId ?? '(none)'}`,
  );
}

function checkClock(mine: Hello, theirs: Hello, { earliest, latest }: Between): void {
  const ahead = theirs.clock > latest ? theirs.clock - latest : Math.min(0, theirs.clock - earliest);
  if (Math.abs(ahead) <= CLOCK_SKEW_MAX_MS * 1000) return;
  throw new DeniedError(
    `the clock of ${theirs.nickname} is ${seconds(ahead)} ${ahead > 0 ? 'ahead of' : 'behind'} that of ${mine.nickname}, ` +
      `more than ${seconds(CLOCK_SKEW_MAX_MS * 1000)}: set both clocks (NTP)`,
  );
}

/** Why a newcomer may not have a nickname, and what to do. */
export function nicknameTaken(nickname: string): string {
  return (
    `the nickname ${nickname} is in use by another volcano: choose another one (-n). If that one is gone for good, and this one is to take its place: ` +
    `magma dead ${nickname}, on a volcano that runs, and then start this one again`
  );
}

/**
 * Whether two volcanos may work together, looked at from either side. Throws `DeniedError` with a text that names both and the cure: no protocol in common, or not that of the network, another network,
 * a data directory of another network, clocks too far apart, a nickname or an id that is somebody else's.
 */
export function checkHello(mine: Hello, theirs: Hello, between: Between, projection: Projection | null): void {
  checkProtocols(mine, theirs);
  checkNetwork(mine, theirs);
  if (projection !== null) checkLevel(projection.protocol, mine, theirs);
  checkClock(mine, theirs, between);
  if (theirs.id === mine.id) {
    throw new DeniedError(
      `${theirs.nickname} and ${mine.nickname} have the same id ${mine.id}: one data directory is a copy of the other's`,
    );
  }
  // Two that have been members both: the map says who of them still is one, and each reads it.
  if (!mine.joining && !theirs.joining) return;
  const others = projection?.volcanos ?? [];
  const taken =
    theirs.nickname === mine.nickname || others.some((one) => one.nickname === theirs.nickname && one.id !== theirs.id);
  if (taken) throw new DeniedError(nicknameTaken(theirs.nickname));
}
