import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Endpoint } from '../../base/net.ts';
import { BusyError } from '../../flare/joint.ts';
import type { NoteStore } from '../../flare/service.ts';
import type { CallContext } from '../../rpc/program.ts';
import { DeniedError } from '../programs/result.ts';
import type { KeyChain } from './chain.ts';
import { type ClientName, clientText, type Identity, parseIdentity, type Role } from './identity.ts';
import { isRevoked } from './revoked.ts';
import { type KeyFigures, keyFigures } from './standing.ts';
import { KeyUsers } from './users.ts';

/** How often a caller who is refused has a line in the log, in milliseconds, and how many such callers are remembered. */
export const REFUSED_LINE_MS = 10 * 60_000;
export const REFUSED_MAX = 256;

/** What a doorman works with. */
export interface DoormanParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The network's notes, which say what is revoked, and whether they are known here yet. */
  readonly notes: NoteStore & { readonly known: boolean };
  /** The network's keys that are let in. */
  readonly chain: Pick<KeyChain, 'accepted' | 'accepts' | 'isRetired' | 'plan'>;
}

interface Guest {
  readonly identity: Identity | null;
  /** Names the network's key that he has proved; null for who does not know the network. */
  readonly keyId: string | null;
  readonly called: () => void;
}

const nothing = (): void => {};
const RETIRED =
  'the network has another key, and the old one is let in no more. Cure: what `magma key client` prints now';

/** Looks at each call of the two programs: as who its caller has proved himself, and whether he is still let in. */
export class Doorman {
  readonly #parts: DoormanParts;
  readonly users: KeyUsers;
  readonly #guests = new WeakMap<object, Guest>();
  /** Who was refused, and when that was said last. */
  readonly #told = new Map<string, number>();

  constructor(parts: DoormanParts) {
    this.#parts = parts;
    this.users = new KeyUsers(parts.clock);
  }

  /** As what the caller is let in; null: he has proved nothing. `DeniedError` when his key was revoked, `BusyError` while it is not known whether it was. */
  admit(call: CallContext): Role | 'joiner' | null {
    const { identity, called } = this.#guest(call);
    if (identity === null) return null;
    if (identity.role === 'client') this.#checkClient(identity.client, call);
    called();
    return identity.role;
  }

  /** Whether that connection (`CallContext.connection`) was made with one of those keys of the network. */
  isOf(connection: object, keyIds: readonly string[]): boolean {
    const keyId = this.#guests.get(connection)?.keyId;
    return keyId !== undefined && keyId !== null && keyIds.includes(keyId);
  }

  /** What is told of keys with this volcano's figures. */
  figures(): KeyFigures {
    return keyFigures(this.#parts.chain.plan, () => this.users.list());
  }

  /** A connection was not let in, under that identity; null: nothing was said. */
  turnedAway({ address, port }: Endpoint, cause: string, claimed: string | null): void {
    const identity = claimed === null ? null : parseIdentity(claimed);
    const keyId = identity?.keyId ?? null;
    if (identity === null || keyId === null || !this.#parts.chain.isRetired(keyId)) {
      this.#parts.logger.warn({ address, port, cause }, 'a connection was refused: no network key was proved');
      return;
    }
    const client = identity.role === 'client' ? identity.client : null;
    const who = client === null ? 'a volcano, or the tool of an operator,' : clientText(client);
    this.#tell(`${claimed} ${address}`, () =>
      this.#parts.logger.warn(
        { address, port, key: keyId, ...(client === null ? {} : { client: client.name }) },
        `a connection was refused: ${who} has an old key of the network, which is let in no more`,
      ),
    );
  }

  #guest(call: CallContext): Guest {
    const known = call.connection === undefined ? undefined : this.#guests.get(call.connection);
    if (known !== undefined) return known;
    const identity = call.identity === undefined ? null : parseIdentity(call.identity);
    const keyId = this.#keyOf(identity);
    const guest = { identity, keyId, called: this.#meeting(identity, keyId, call) };
    // His handshake may have ended in the moment before.
    if (keyId !== null && !this.#parts.chain.accepts(keyId)) throw new DeniedError(RETIRED);
    if (call.connection !== undefined) this.#guests.set(call.connection, guest);
    return guest;
  }

  #keyOf(identity: Identity | null): string | null {
    if (identity === null || identity.role === 'joiner') return null;
    return identity.keyId ?? this.#parts.chain.accepted[0]!.secrets.keyId;
  }

  #meeting(identity: Identity | null, keyId: string | null, { client: { address } }: CallContext): () => void {
    if (identity === null || identity.role === 'joiner' || keyId === null) return nothing;
    const client = identity.role === 'client' ? identity.client : null;
    return this.users.met({ role: identity.role, keyId, client, address });
  }

  #checkClient(client: ClientName, call: CallContext): void {
    const { notes } = this.#parts;
    if (!notes.known) throw new BusyError();
    if (!isRevoked(notes, client)) return;
    const who = clientText(client);
    this.#tell(`${client.name} ${client.number} ${call.client.address}`, () =>
      this.#parts.logger.warn(
        { client: client.name, number: client.number, address: call.client.address },
        `a client was refused: the key of ${who} was revoked`,
      ),
    );
    const command = client.name === '' ? 'magma key client' : `magma key client ${client.name}`;
    throw new DeniedError(
      `the key of ${who} was revoked. Cure: \`${command}\` on a volcano prints another one, if it is to be let in again`,
    );
  }

  /** Has a line written unless the same was said a while ago. */
  #tell(who: string, line: () => void): void {
    const now = this.#parts.clock.monotonic();
    const last = this.#told.get(who);
    if (last !== undefined && now - last < REFUSED_LINE_MS) return;
    this.#told.delete(who);
    if (this.#told.size >= REFUSED_MAX) {
      const [oldest] = this.#told.keys();
      // Whoever makes more callers than are remembered has no more lines than these.
      if (now - this.#told.get(oldest!)! < REFUSED_LINE_MS) return;
      this.#told.delete(oldest!);
    }
    this.#told.set(who, now);
    line();
  }
}
