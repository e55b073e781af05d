import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { FlareService } from '../../flare/service.ts';
import type { Attributes, Caller, FlareId } from '../../flare/types.ts';
import type { Reply } from '../protocol/reply.ts';
import type { Request } from '../protocol/request.ts';
import { Groups } from './groups.ts';
import { Handles } from './handles.ts';
import { LEASE_MS, Locks } from './locks.ts';
import { Nodes } from './nodes.ts';

/** How long the kernel may believe what it was told, in milliseconds. */
export interface Timeouts {
  readonly attributes: number;
  /** That a name means that flare. */
  readonly entries: number;
  /** That a name means nothing. */
  readonly negative: number;
}

/** A second for everything. */
export const DEFAULT_TIMEOUTS: Timeouts = { attributes: 1000, entries: 1000, negative: 1000 };

/** What a mounted tree is made of. */
export interface ContextOptions {
  readonly service: FlareService;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timeouts?: Partial<Timeouts>;
  /** The directory that is shown as the root; the service's own if it is not given. */
  readonly top?: FlareId;
  /** What this machine is called, for people who look at locks. */
  readonly host?: string;
  /** How long volcanos keep the locks of this mount when they hear nothing of it, in milliseconds; `LEASE_MS` if it is not given. */
  readonly leaseMs?: number;
}

/** The longest part of a host's name that goes into a holder's. */
const HOST_MAX = 64;

function hostText(host: string): string {
  return host.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, HOST_MAX) || 'mount.magma';
}

/** Bytes of chance that tell one life of a client from all others. */
const HOLDER_BYTES = 12;

/** What requests are answered from: the service, and what the kernel knows of it. */
export class Context {
  readonly service: FlareService;
  readonly random: Random;
  readonly logger: Logger;
  readonly timeouts: Timeouts;
  readonly nodes: Nodes;
  readonly handles = new Handles();
  /** Tells the kernel that it must ask for the attributes of a node again. The session's. */
  attributesChanged: (nodeid: number) => void = () => {};
  /** As that, and the cached pages of the node, too; resolves when the kernel has let go of them. The session's. */
  contentsChanged: (nodeid: number) => Promise<void> = async () => {};
  /** The kernel lets files be mapped that bypass its cache (INIT said so). */
  mapsDirect = false;
  readonly locks: Locks;
  readonly #groups: Groups;

  private constructor(options: ContextOptions, root: Attributes) {
    const { service, clock, random, logger, timeouts } = options;
    this.service = service;
    this.random = random;
    this.logger = logger;
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...timeouts };
    this.nodes = new Nodes(root);
    this.#groups = new Groups(clock);
    this.locks = new Locks({
      ...{ service, clock, logger, leaseMs: options.leaseMs ?? LEASE_MS },
      holder: `${hostText(options.host ?? '')} ${random.bytes(HOLDER_BYTES).toString('hex')}`,
      attributesChanged: (nodeid) => this.attributesChanged(nodeid),
      contentsChanged: (nodeid) => this.contentsChanged(nodeid),
    });
  }

  /** Rejects when the service does not tell of its root. */
  static async open(options: ContextOptions): Promise<Context> {
    return new Context(options, await options.service.getattr(options.top ?? options.service.root()));
  }

  /** Who asks. */
  caller({ uid, gid, pid }: Request): Caller {
    return { uid, gid, gids: this.#groups.of(pid, uid) };
  }
}

/** Puts a time to live: whole seconds are 8 bytes apart from the nanoseconds. */
export function secondsOf(milliseconds: number): { readonly seconds: number; readonly nanoseconds: number } {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanoseconds: Math.round((milliseconds - seconds * 1000) * 1_000_000) };
}

/** The handler of one kind of request. It reads all of the request before it waits for anything. */
export type Handler = (context: Context, request: Request) => Answer | Promise<Answer>;

/** What a handler gives: an answer with fields, one that is nothing but data, or one without either. */
export type Answer = Reply | Uint8Array | null;
