/** The most volcanos of a network. */
export const MEMBERS_MAX = 1000;
/** In networks of so many volcanos maps are large, and when one changes others soon follow: not every one is read, or kept, by those that have no part in it. */
export const LARGE = 16;
/** How many slices a network may be booted with; a power of two. */
export const SLICES_MIN = 256;
export const SLICES_MAX = 4096;
/** The most copies of every slice that a network may keep. */
export const REPLICAS_MAX = 8;
/** The most mirrors that one slice may have, in sync and filling, while copies are being moved. */
export const MIRRORS_MAX = 2 * REPLICAS_MAX;
/** The longest nickname, in bytes. */
export const NICKNAME_MAX = 64;
/** The longest name of a network, in bytes. */
export const NETWORK_NAME_MAX = 63;
/** The longest server name, in bytes (a DNS name). */
export const SERVER_NAME_MAX = 255;
/** The most addresses of one volcano. */
export const ADDRESSES_MAX = 8;
/** The longest numeric address, in bytes (IPv6 with an IPv4 tail and a zone). */
export const ADDRESS_MAX = 64;
/** The longest version text, in bytes. */
export const VERSION_TEXT_MAX = 64;
/** Bytes of a network's and of a volcano's id. */
export const ID_BYTES = 16;

/** A volcano's id, made at its first start: 16 bytes as 32 lower-case hexadecimal digits. */
export type MemberId = string;

/** `joining`: it may mirror, but answers for nothing yet. `leaving`: it answers for what it has, is given nothing more, and goes when others have all of it. */
export type MemberState = 'joining' | 'serving' | 'leaving';

/** A volcano of the network. */
export interface Member {
  readonly id: MemberId;
  /** Unique in the network; printable ASCII. */
  readonly nickname: string;
  readonly serverName: string;
  /** Numeric, in the order in which they are to be tried. */
  readonly addresses: readonly string[];
  readonly flarePort: number;
  readonly nodePort: number;
  readonly state: MemberState;
  /** The version of its software. */
  readonly version: string;
}

/** Who holds one slice: indexes into `Projection.volcanos`. No member is named twice. */
export interface SliceAssignment {
  readonly primary: number;
  /** Mirrors that every answer waits for, ascending. */
  readonly inSync: readonly number[];
  /** Mirrors that are sent the records and that nobody waits for, ascending. */
  readonly filling: readonly number[];
}

/**
 * The numbered map of the whole ring. Never changed in place: each step makes a new one, whose epoch is one higher (`steps.ts`).
 */
export interface Projection {
  readonly epoch: number;
  /** 16 bytes as 32 lower-case hexadecimal digits. */
  readonly networkId: string;
  readonly networkName: string | null;
  /** Copies of every slice that the network keeps when it has as many volcanos, the primary's included. */
  readonly replicas: number;
  /** The volcano whose own store arbitrates the maps; null when something outside of the ring does. */
  readonly arbiter: MemberId | null;
  /** How many slices there are. */
  readonly slices: number;
  /** The protocol that all its volcanos speak, and keep to: it only ever rises. */
  readonly protocol: number;
  /** In ring order: the order of their runs. */
  readonly volcanos: readonly Member[];
  /** By slice. */
  readonly map: readonly SliceAssignment[];
}

/** Slices `first`, `first + 1`, ... round the ring, `count` of them. */
export interface SliceRange {
  readonly first: number;
  readonly count: number;
}

/** A projection, or a step from one to the next, that must not be. */
export class ProjectionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProjectionError';
  }
}
