import type { ClientObserved, ShareObserved } from '../dht/observation.ts';
import type { Figures } from '../dht/programs/node/handlers.ts';
import type { MemberState } from '../dht/projection/types.ts';
import type { ProcedureFigures } from '../rpc/procedure-gauges.ts';

/**
 * What the page is told: the answers of `/api/`, as JSON. Times are milliseconds; paths in them are percent-encoded bytes (`/a%FFb`), and so are those of requests: they stand in a query as they
 * are, encoded once (`/api/list?path=/a%FFb`, where `+` is a plus). A path has no empty names, `.` or `..` in it.
 */

/** `GET /api/session`, which needs none. */
export interface SessionState {
  readonly nickname: string;
  readonly version: string;
  /** What may be done: nothing but to log in, to look, or to change files as well. */
  readonly may: 'login' | 'look' | 'change';
  /** There is a key to log in with. */
  readonly key: boolean;
  /** Goes with each request that changes something, in the header `x-magma-token`. */
  readonly token: string;
}

/** A volcano of the ring, in ring order. */
export interface VolcanoState {
  readonly id: string;
  readonly nickname: string;
  readonly serverName: string;
  readonly address: string;
  readonly state: MemberState;
  /** The one that answers the page. */
  readonly self: boolean;
  readonly arbiter: boolean;
  /** Slices that it is primary of, mirrors in sync, and is being filled with. */
  readonly slices: number;
  readonly mirrors: number;
  readonly filling: number;
  /** As last heard, and when; null: nothing yet. */
  readonly figures: Figures | null;
  readonly heardMs: number | null;
  /** Not heard of for too long. */
  readonly away: boolean;
  /** Why its clients and procedures are not told: it does not answer; null: they are. */
  readonly problem: string | null;
  /** It was asked for them, and has not answered: so it is seen sooner than by `away`. */
  readonly silent: boolean;
  /** Slow disk, damage: sentences; none when it is well. */
  readonly warnings: readonly string[];
}

/** Consecutive slices with the same copies; volcanos by their place in the ring. */
export interface RunState {
  readonly first: number;
  readonly count: number;
  readonly primary: number;
  readonly inSync: readonly number[];
  readonly filling: readonly number[];
}

/** A client, and the volcano that it calls. */
export interface ClientState extends Omit<ClientObserved, 'mounts' | 'procedures'> {
  readonly volcano: string;
  /** Percent-encoded. */
  readonly mounts: readonly string[];
}

/** What was counted of a procedure on one volcano since it started: rates come from two of these. */
export interface ProcedureState extends ProcedureFigures {
  readonly volcano: string;
}

/** A share, and the volcanos that tell of it. */
export interface ShareState extends Omit<ShareObserved, 'path'> {
  /** Percent-encoded. */
  readonly path: string;
  readonly volcanos: readonly string[];
}

/** `GET /api/state`, and each event `state` of `GET /api/events` (server-sent events), some two seconds apart. */
export interface State {
  /** When this was made, by the volcano's clock. */
  readonly now: number;
  readonly networkId: string;
  readonly epoch: number;
  readonly slices: number;
  /** Copies of every file that the network keeps now; the number that it is to keep. */
  readonly copies: number;
  readonly replicas: number;
  /** Slices that nobody but their primary has, and slices with fewer copies than `copies`. */
  readonly singleCopies: number;
  readonly shortOfCopies: number;
  /** The network's old key is still let in: a sentence; urgent: its time is nearly over, and somebody has it. Null: none is. */
  readonly oldKey: { readonly text: string; readonly urgent: boolean } | null;
  readonly volcanos: readonly VolcanoState[];
  readonly runs: readonly RunState[];
  /** Upper bounds of `ProcedureState.buckets`. Procedures that nobody has called are left out. */
  readonly latencyBoundsMs: readonly number[];
  readonly procedures: readonly ProcedureState[];
  /** Those whose networks lose most first. */
  readonly clients: readonly ClientState[];
  readonly clientsInAll: number;
  readonly shares: readonly ShareState[];
}

/** Each event `log` of `GET /api/events`: a line of this volcano's log. `time` is in milliseconds, `level` is pino's. */
export interface LogLine {
  readonly time: number;
  readonly level: number;
  readonly room: string;
  readonly text: string;
  /** The line's other fields. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One entry of a directory. */
export interface FileState {
  /** Percent-encoded bytes. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'block' | 'char';
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: number;
}

/**
 * `GET /api/list?path=&after=`: a page of a directory, by name. Further: `GET /api/file?path=` (with Range) sends a file as a download, `PUT /api/file?path=[&replace=1]` makes one of the body (409 when it is there),
 * `POST /api/directory?path=` makes a directory, `DELETE /api/file?path=` and `DELETE /api/directory?path=` remove (an empty one). `POST /api/login` with `{ key }` and
 * `POST /api/logout` begin and end a session, and answer with its `SessionState`.
 */
export interface Listing {
  readonly entries: readonly FileState[];
  /** Where to go on; null: that was all. */
  readonly next: string | null;
}

/** The body of every answer that refuses. */
export interface Refusal {
  /** A sentence for people: what is wrong, and the cure. */
  readonly error: string;
}
