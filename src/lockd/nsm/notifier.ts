import type { Timer } from '../../base/clock.ts';
import type { NoteStore } from '../../flare/service.ts';
import { isHostError } from '../grant.ts';
import type { LockdParts } from '../parts.ts';
import type { Host } from './hosts.ts';
import { NSM_PROCEDURES, NSM_PROGRAM, NSM_VERSION, nsmCodecs } from './schema.ts';
import type { NetworkState } from './state.ts';

/** How often a volcano looks whether records were lost, in milliseconds: as often as its copy of the network's notes is new. */
export const LOOK_MS = 5_000;
/** So often a client is told, at the looks that follow each other: a quarter of an hour. */
export const TELL_TRIES = 180;
/** Clients that are told at a time. */
const TOLD_AT_ONCE = 16;

/** The state number that clients were last told by this volcano: its own affair. */
const TOLD_NOTE = 'volcano/nsm-told';
const NOTIFY = {
  ...{ program: NSM_PROGRAM, version: NSM_VERSION, procedure: NSM_PROCEDURES.NOTIFY },
  ...{ arguments: nsmCodecs.notification, result: nsmCodecs.void },
};

/** What telling clients works with. */
export interface NotifierParts extends Pick<LockdParts, 'callBack' | 'clock' | 'logger' | 'hosts'> {
  readonly state: NetworkState;
  readonly notes: NoteStore;
  /** The name that this network gives itself. */
  readonly name: () => string;
}

/** Who is still to be told of a state, and how often that was tried. */
interface Telling {
  readonly state: number;
  left: readonly Host[];
  tries: number;
}

/**
 * Tells clients that records were lost, so that they reclaim their locks: each volcano those that knew the network by an address that it has now. A volcano of a network that has lost
 * nothing tells nobody anything, however often it starts.
 */
export class Notifier {
  readonly #parts: NotifierParts;
  #timer: Timer | null = null;
  #telling: Telling | null = null;
  #stopped = false;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (this.#stopped) return;
    const look = (): void => void this.look().finally(() => this.#arm());
    this.#timer = this.#parts.clock.after(LOOK_MS, look);
  }

  /** Looks whether there is something to tell, and tells it once. */
  async look(): Promise<void> {
    const { notes, state, hosts, logger } = this.#parts;
    try {
      const now = state.number;
      const told = notes.note(TOLD_NOTE)?.readUInt32BE(0) ?? 1;
      if (told === now) return;
      if (this.#telling?.state !== now) this.#telling = { state: now, left: hosts.list(), tries: 0 };
      await this.#tell(this.#telling);
      if (this.#telling.left.length > 0 && this.#telling.tries < TELL_TRIES) return;
      for (const { address, name } of this.#telling.left)
        logger.warn(
          { client: address, name },
          'a client could not be told that locks were lost: it may believe in its own',
        );
      const value = Buffer.alloc(4);
      value.writeUInt32BE(now);
      await notes.setNote(TOLD_NOTE, value);
      this.#telling = null;
    } catch (error) {
      logger.warn({ err: error }, 'clients could not be told that locks were lost yet');
    }
  }

  async #tell(telling: Telling): Promise<void> {
    const left: Host[] = [];
    for (let at = 0; at < telling.left.length; at += TOLD_AT_ONCE) {
      const some = telling.left.slice(at, at + TOLD_AT_ONCE);
      const done = await Promise.all(some.map((host) => this.#tellOne(host, telling.state)));
      left.push(...some.filter((_, index) => !done[index]));
    }
    telling.left = left;
    telling.tries += 1;
  }

  async #tellOne({ address, server }: Host, state: number): Promise<boolean> {
    const { callBack, name, logger } = this.#parts;
    const origin = { transport: 'udp', client: { address, port: 0 }, server: { address: server, port: 0 } } as const;
    try {
      await callBack.call(origin, NOTIFY, { name: Buffer.from(name(), 'latin1'), state });
      logger.info({ client: address, state }, 'a client was told that locks were lost');
      return true;
    } catch (error) {
      if (!isHostError(error)) throw error;
      return false;
    }
  }
}
