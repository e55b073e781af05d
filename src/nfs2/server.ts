import { createHmac } from 'node:crypto';
import type { Access } from '../acl/areas.ts';
import { allGroups, type GroupsOf } from '../acl/host-groups.ts';
import type { RuleOptions } from '../acl/options.ts';
import type { Shares } from '../acl/shares.ts';
import { squash } from '../acl/squash.ts';
import { type Eventually, isPending } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import { FlareError, UnavailableError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import type { Attributes, Caller, FlareId } from '../flare/types.ts';
import { type CallContext, DROP, RpcRefusal } from '../rpc/program.ts';
import { type Reported, toFattr } from './attributes.ts';
import { refusal, type Status } from './errors.ts';
import { NameFinder } from './find-name.ts';
import type { Handle, Handles } from './handle.ts';
import { PageCache } from './page-cache.ts';
import { type Fattr, HANDLE_BYTES } from './schema.ts';
import { Turns } from './turns.ts';

/** What the rules say: as much of `Shares` as NFS asks. */
export type Gate = Pick<Shares, 'access' | 'sameArea' | 'carriesRule' | 'share'>;

/** What the NFS program is made of. */
export interface Nfs2Parts {
  readonly service: FlareService;
  readonly gate: Gate;
  readonly handles: Handles;
  /** `fsid` in attributes: `fsidOf` the network's secret. */
  readonly fsid: number;
  /** The groups of a uid on this host, for rules with `host_groups`; absent: none are known. */
  readonly groupsOf?: GroupsOf;
  readonly logger: Logger;
}

/** How a caller is shown flares. */
export interface View {
  /** Handles that he is given keep the share of this one. */
  readonly handle: Pick<Handle, 'share'>;
  readonly options: RuleOptions;
  /** Whose numbers he is shown in place of those that he is served as; null: as they are. */
  readonly reported: Reported | null;
}

/** A flare that a call names by a handle, after the rules have let the caller in. */
export interface Entered extends View {
  readonly handle: Handle;
  /** At a glance: for deciding, not for showing. */
  readonly attributes: Attributes;
  /** Who calls, after squashing. */
  readonly caller: Caller;
}

/** The network's number as a file system: positive, below 2^31, the same for ever, made from its secret. */
export function fsidOf(secret: Uint8Array): number {
  return (createHmac('sha256', secret).update('fsid').digest().readUInt32BE() >>> 1) | 1;
}

/** What all procedures share: handles, rules and attributes, in the order in which they are asked. */
export class Nfs2Server {
  readonly service: FlareService;
  readonly gate: Gate;
  readonly handles: Handles;
  /** READDIR results, by what they depend on. */
  readonly pages = new PageCache();
  /** Names as some clients say them. */
  readonly names: NameFinder;
  /** Of clients that can wait (`bulk`). */
  readonly turns = new Turns();
  readonly #groups: GroupsOf;
  readonly #fsid: number;
  readonly #logger: Logger;
  /** The service has flares for which asking costs a hop. */
  readonly #sees: boolean;

  constructor(parts: Nfs2Parts) {
    this.service = parts.service;
    this.#sees = 'seen' in parts.service;
    this.gate = parts.gate;
    this.handles = parts.handles;
    this.names = new NameFinder(parts.service);
    this.#groups = parts.groupsOf ?? (() => null);
    this.#fsid = parts.fsid;
    this.#logger = parts.logger;
  }

  /** The flare of a handle, for a call that changes nothing. STALE, ACCES. */
  enter(handle: Buffer, call: CallContext): Eventually<Entered> {
    return this.#open(handle, call, undefined);
  }

  /** The flare of a handle, for a call that changes something: the caller carries the call's replay identity. STALE, ACCES, ROFS. */
  enterToChange(handle: Buffer, call: CallContext): Eventually<Entered> {
    // Before anything is waited for: it is worked out from the receive buffer.
    return this.#open(handle, call, call.replayIdentity());
  }

  /**
   * As `enter` and `enterToChange`, for calls that go by the flare's type and rules alone: where asking costs a hop they are known by what was seen of it lately, and whether it is
   * still there is for the call itself to find out.
   */
  enterSeen(handle: Buffer, call: CallContext, replay?: string): Eventually<Entered> {
    const opened = this.handles.open(handle);
    return isPending(opened)
      ? opened.then((known) => this.#lookSeen(known, call, replay))
      : this.#lookSeen(opened, call, replay);
  }

  #lookSeen(handle: Handle, call: CallContext, replay: string | undefined): Eventually<Entered> {
    const seen = this.#sees ? this.service.seen!(handle) : undefined;
    const access = seen === undefined ? null : this.#decided(call, seen);
    return access === null ? this.#look(handle, call, replay) : this.#admit(handle, seen!, access, call, replay);
  }

  /** What the rules say at once; null when they would have to ask, or find no way up: the flare may have another directory by now. */
  #decided(call: CallContext, seen: Attributes): Access | null {
    try {
      const access = this.gate.access(call.client, seen);
      if (!isPending(access)) return access;
      access.catch(() => {});
    } catch {}
    return null;
  }

  /** The rules' word on a flare that was reached by name: ACCES when its own rule keeps the caller out. */
  judge(attributes: Attributes, call: CallContext): Eventually<Access> {
    const access = this.gate.access(call.client, attributes);
    return isPending(access) ? access.then(letIn) : letIn(access);
  }

  /**
   * How the caller of a retransmission is shown a flare that he was shown before, and which may be gone: as its rule says; where that cannot be told any more, because
   * its directory is gone as well, as the rule of the handle's share says. STALE; ACCES when that keeps him out by now.
   */
  async viewAgain(handle: Buffer, attributes: Attributes, call: CallContext): Promise<View> {
    const share = this.handles.shareOf(handle);
    const { options } = await this.#judgeGone(attributes, share, call);
    return { handle: { share }, options, reported: reportedTo(squash(call.credential, options), call, options) };
  }

  async #judgeGone(attributes: Attributes, share: number, call: CallContext): Promise<Access> {
    try {
      return await this.judge(attributes, call);
    } catch (error) {
      const top = this.gate.share(share)?.directory;
      if (error !== FlareError.of('STALE') || top === undefined) throw error;
      return this.judge(await this.service.glance(top), call);
    }
  }

  /** Attributes as the caller's rule shows them; `options` when they are not those of where he entered. */
  fattr(attributes: Attributes, view: View, options: RuleOptions = view.options): Fattr {
    return toFattr(attributes, this.#fsid, options.clamp, view.reported);
  }

  /** True when `..` leads no higher: at the directory that the handle's share starts with, and at the root. */
  isTop({ handle, attributes }: Entered): boolean {
    const top = this.gate.share(handle.share)?.directory;
    return sameFlare(attributes.parent, attributes) || (top !== undefined && sameFlare(top, attributes));
  }

  /**
   * The result for whatever a procedure threw; what is no refusal is logged and answered with NFSERR_IO, but for `UnavailableError`, which is not answered: the client asks again.
   */
  refused(error: unknown, procedure: string, call: CallContext): Status | typeof DROP {
    if (error instanceof FlareError) {
      if (error.status !== 'VERSION') return refusal(error.status);
    } else if (error instanceof RpcRefusal) throw error;
    const { client, xid } = call;
    if (error instanceof UnavailableError) {
      const fields = { reason: error.message, procedure, client: client.address, port: client.port, xid };
      this.#logger.warn(fields, 'a call could not be answered: its client will ask again');
      return DROP;
    }
    this.#logger.error({ err: error, procedure, client: client.address, port: client.port, xid }, 'A call failed');
    return refusal('IO');
  }

  #open(bytes: Buffer, call: CallContext, replay: string | undefined): Eventually<Entered> {
    const handle = this.handles.open(bytes);
    return isPending(handle)
      ? handle.then((opened) => this.#look(opened, call, replay))
      : this.#look(handle, call, replay);
  }

  #look(handle: Handle, call: CallContext, replay: string | undefined): Eventually<Entered> {
    const attributes = this.service.glance(handle);
    return isPending(attributes)
      ? attributes.then((found) => this.#ask(handle, found, call, replay))
      : this.#ask(handle, attributes, call, replay);
  }

  #ask(handle: Handle, attributes: Attributes, call: CallContext, replay: string | undefined): Eventually<Entered> {
    const access = this.gate.access(call.client, attributes);
    return isPending(access)
      ? access.then((known) => this.#admit(handle, attributes, known, call, replay))
      : this.#admit(handle, attributes, access, call, replay);
  }

  #admit(
    handle: Handle,
    attributes: Attributes,
    access: Access,
    call: CallContext,
    replay: string | undefined,
  ): Eventually<Entered> {
    letIn(access);
    if (replay !== undefined && access.permission !== 'w') throw FlareError.of('ROFS');
    const { options } = access;
    const caller = squash(allGroups(call.credential, options, this.#groups), options, replay);
    const entered = { handle, attributes, caller, options, reported: reportedTo(caller, call, options) };
    const turn = options.bulk ? this.turns.take(call) : undefined;
    return isPending(turn) ? turn.then(() => entered) : entered;
  }
}

function letIn(access: Access): Access {
  if (access.permission === 'n') throw FlareError.of('ACCES');
  return access;
}

function reportedTo(served: Caller, { credential }: CallContext, options: RuleOptions): Reported | null {
  if (!options.reportUid || credential.flavor !== 'unix') return null;
  return credential.uid === served.uid && credential.gid === served.gid ? null : { served, own: credential };
}

/** True when both are the same flare, generation and all. */
export function sameFlare(one: FlareId, other: FlareId): boolean {
  return one.key === other.key && one.generation === other.generation;
}

/** A name's or a handle's bytes as a Latin-1 string: a copy, which outlives the receive buffer. */
export function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** The same handle in memory of its own, for calls that use it after they have waited. */
export function ownHandle(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, HANDLE_BYTES));
}
