import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { NoteStore } from '../../flare/service.ts';
import type { Peers } from '../peers.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { type KeyChain, type NetworkKey, networkKeyFrom } from './chain.ts';
import { type KeyPlan, planOf, samePlan } from './plan.ts';
import { isUrgent, type KeyStanding, standingText } from './standing.ts';

/** How often it is looked whether there is another plan, or a key's time is over, in milliseconds. */
export const KEYS_MS = 5_000;

/** How often a line in the log says so while somebody has a key whose time is nearly over, in milliseconds. */
export const URGENT_MS = 3_600_000;
/** That is not said before others have had so long to tell what they go by, in milliseconds. */
export const TOLD_MS = 20_000;

/** What a keeper works with. */
export interface KeyKeeperParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly chain: KeyChain;
  /** The network's notes, and whether they are known here yet. */
  readonly notes: NoteStore & { readonly known: boolean };
  /** Asks the other volcanos for a key; null: none that answers has it. */
  readonly ask: (keyId: string) => Promise<NetworkKey | null>;
  /** How a change of the key stands, by what is known of all volcanos; null: none is under way. */
  readonly standing: () => KeyStanding | null;
  /** Others are to be called with another key: connections are to be made anew. */
  readonly redial: () => void;
  /** Connections that were made with these keys are to end. */
  readonly turnOut: (keyIds: readonly string[]) => void;
}

/** Has a volcano go by the network's plan of keys: gets those that it does not have, and lets go of those whose time is over. */
export class KeyKeeper {
  readonly #parts: KeyKeeperParts;
  #working: Promise<void> = Promise.resolve();
  #stopped = false;
  /** By the monotonic clock: it is not said again before. */
  #quietUntil: number;

  constructor(parts: KeyKeeperParts) {
    this.#parts = parts;
    this.#quietUntil = parts.clock.monotonic() + TOLD_MS;
  }

  /** Looks now, and then every `KEYS_MS`. Resolves when it was done once. */
  async start(): Promise<void> {
    await this.settle();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Looks now. Never rejects: what could not be done is next time. */
  settle(): Promise<void> {
    this.#working = this.#working
      .then(() => this.#settle())
      .catch((err: unknown) =>
        this.#parts.logger.warn({ err }, "the plan of the network's keys could not be followed"),
      );
    return this.#working;
  }

  #arm(): void {
    this.#parts.clock.after(KEYS_MS, () => {
      if (this.#stopped) return;
      void this.settle().then(() => this.#arm());
    });
  }

  async #settle(): Promise<void> {
    const { chain, notes } = this.#parts;
    if (this.#stopped || !notes.known) return;
    const plan = planOf(notes, chain.networkId);
    if (plan !== null && this.#isDue(plan)) await this.#follow(plan);
    const { plan: now } = chain;
    if (now === null) return;
    if (this.#isOver(now) && chain.find(now.dial) !== null) await this.#changing(() => chain.expire());
    else this.#warn();
  }

  /** Says loudly whom the end of the old key is going to shut out. */
  #warn(): void {
    const { clock, logger, standing } = this.#parts;
    const now = clock.now() / 1_000_000;
    const found = standing();
    if (found === null || !isUrgent(found, now) || clock.monotonic() < this.#quietUntil) return;
    this.#quietUntil = clock.monotonic() + URGENT_MS;
    logger.warn({ ...found }, standingText(found, now));
  }

  /** It is newer than what this volcano goes by, or names keys that it lacks. */
  #isDue(plan: KeyPlan): boolean {
    const { chain } = this.#parts;
    const { plan: mine } = chain;
    if (mine === null || plan.number > mine.number) return true;
    if (plan.number < mine.number || this.#isOver(plan)) return false;
    return !samePlan(plan, mine) || plan.accept.some((id) => chain.find(id) === null);
  }

  #isOver({ until }: KeyPlan): boolean {
    return until > 0 && this.#parts.clock.now() / 1_000_000 >= until;
  }

  async #follow(planned: KeyPlan): Promise<void> {
    const { chain, ask } = this.#parts;
    const plan = this.#isOver(planned) ? { ...planned, accept: [planned.dial], until: 0 } : planned;
    const found: NetworkKey[] = [];
    for (const id of plan.accept) {
      if (chain.find(id) !== null) continue;
      const key = await ask(id);
      if (key !== null) found.push(key);
    }
    const has = (id: string): boolean => chain.find(id) !== null || found.some(({ secrets }) => secrets.keyId === id);
    // Without the one that others are called with, what there is goes on, for as long as others let it in.
    if (!has(plan.dial)) return;
    await this.#changing(() => chain.follow(plan, found));
  }

  /** Tells what has become another way. */
  async #changing(change: () => Promise<void>): Promise<void> {
    const { chain, clock, logger, redial, turnOut } = this.#parts;
    const before = { dial: chain.dialed[0]!.secrets.keyId, accepted: chain.accepted };
    await change();
    this.#quietUntil = clock.monotonic() + TOLD_MS;
    const dial = chain.dialed[0]!.secrets.keyId;
    if (dial !== before.dial) {
      logger.warn({ key: dial }, 'the network has another key: volcanos call each other with it from now on');
      redial();
    }
    const gone = before.accepted.map(({ secrets }) => secrets.keyId).filter((id) => !chain.accepts(id));
    for (const key of gone) logger.warn({ key }, 'a key of the network is let in no more');
    if (gone.length > 0) turnOut(gone);
  }
}

/** Asks the other volcanos, one after the other, for a key; null: none that answers has it. */
export function askForKey(
  self: MemberId,
  parts: { readonly projection: () => Projection | null; readonly peers: Peers; readonly networkId: string },
): (keyId: string) => Promise<NetworkKey | null> {
  return async (keyId) => {
    for (const { id } of parts.projection()?.volcanos ?? []) {
      if (id === self) continue;
      try {
        const wire = await parts.peers.peer(id).node.giveKey(keyId);
        const key = wire === null ? null : networkKeyFrom(wire, Buffer.from(parts.networkId, 'hex'));
        if (key?.secrets.keyId === keyId) return key;
      } catch {
        // Who is away cannot give it; another one may.
      }
    }
    return null;
  };
}
