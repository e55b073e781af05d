import { struct, uint32, varOpaque } from '@stellar/js-xdr';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { NoteStore } from '../../flare/service.ts';
import { compile, XdrError } from '../../rpc/xdr.ts';

/** Clients that are remembered, of all addresses together and of one; beyond that the one that was written down first is forgotten. */
export const HOSTS_MAX = 4096;
export const HOSTS_PER_ADDRESS_MAX = 64;
/** The longest name of a client that is remembered, in bytes. */
export const NAME_MAX = 255;

const PREFIX = 'nsm/host/';
const codec = compile(
  struct('Host', { name: varOpaque(NAME_MAX), server: varOpaque(64), state: uint32(), seconds: uint32() }),
);

/** A client that has had locks. */
export interface Host {
  readonly address: string;
  /** As it says it itself, in bytes as a Latin-1 string. */
  readonly name: string;
  /** The address by which it knows this network. */
  readonly server: string;
  /** Its state number as it last told it with NOTIFY; 0: it never did. */
  readonly state: number;
}

function noteOf(address: string, name: string): string {
  return `${PREFIX}${address}/${Buffer.from(name, 'latin1').toString('hex')}`;
}

/** Clients that have had locks, as notes of the network: to be told when locks were lost, and to know whose locks end when one says that it has started anew. */
export class Hosts {
  readonly #notes: NoteStore;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(notes: NoteStore, clock: Clock, logger: Logger) {
    this.#notes = notes;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** All, or those at one address, those that were written down first before the others. */
  list(address?: string): readonly Host[] {
    const found: (Host & { seconds: number })[] = [];
    for (const [note, value] of this.#notes.notes(address === undefined ? PREFIX : `${PREFIX}${address}/`)) {
      const host = hostOf(note, value);
      if (host !== null) found.push(host);
    }
    return found.sort((one, other) => one.seconds - other.seconds);
  }

  get(address: string, name: string): Host | null {
    const note = noteOf(address, name);
    const value = this.#notes.note(note);
    return value === null ? null : hostOf(note, value);
  }

  /** Remembers a client. It costs a write when it is not known, or knows us by another address. What cannot be written is logged, and done without. */
  async remember(address: string, name: string, server: string): Promise<void> {
    const known = this.get(address, name);
    if (known?.server === server || name.length > NAME_MAX) return;
    if (known === null) await this.#makeRoom(address);
    await this.#write({ address, name, server, state: known?.state ?? 0 });
  }

  /** Remembers the state number that a client told, which knows us by that address if it is not known otherwise. */
  async setState({ address, name, server, state }: Host): Promise<void> {
    const known = this.get(address, name);
    if (known?.state === state || name.length > NAME_MAX) return;
    if (known === null) await this.#makeRoom(address);
    await this.#write({ address, name, server: known?.server ?? server, state });
  }

  /** Forgets a client. */
  async forget(address: string, name: string): Promise<void> {
    if (this.get(address, name) !== null) await this.#set(noteOf(address, name), null);
  }

  async #makeRoom(address: string): Promise<void> {
    const all = this.list();
    const there = all.filter((host) => host.address === address);
    const oldest = there.length >= HOSTS_PER_ADDRESS_MAX ? there[0] : all.length >= HOSTS_MAX ? all[0] : undefined;
    if (oldest !== undefined) await this.forget(oldest.address, oldest.name);
  }

  #write({ address, name, server, state }: Host): Promise<void> {
    const seconds = Math.floor(this.#clock.now() / 1_000_000);
    const value = { name: Buffer.from(name, 'latin1'), server: Buffer.from(server), state, seconds };
    return this.#set(noteOf(address, name), codec.encode(value));
  }

  async #set(note: string, value: Buffer | null): Promise<void> {
    try {
      await this.#notes.setNote(note, value);
    } catch (error) {
      this.#logger.warn(
        { err: error },
        'a client with locks could not be written down: it is not told when locks are lost',
      );
    }
  }
}

function hostOf(note: string, value: Buffer): (Host & { seconds: number }) | null {
  const address = note.slice(PREFIX.length, note.indexOf('/', PREFIX.length));
  try {
    const { name, server, state, seconds } = codec.decode(value);
    return { address, name: name.toString('latin1'), server: server.toString('latin1'), state, seconds };
  } catch (error) {
    if (error instanceof XdrError) return null;
    throw error;
  }
}
