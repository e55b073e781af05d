import type { Clock } from '../../base/clock.ts';
import { createTlsNet } from '../../base/net/tls.ts';
import type { Endpoint, Net } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import { HandshakeError, type SecureNet } from '../../base/secure-net.ts';
import { clientText, parseIdentity } from '../../dht/keys/identity.ts';
import { Link } from '../../dht/link.ts';
import { FLARE_REPLY_BYTES_MAX, FLARE_VERSION } from '../../dht/programs/flare/schema.ts';
import { DeniedError } from '../../dht/programs/result.ts';
import { ProjectionError } from '../../dht/projection/types.ts';
import type { ClientSecret } from '../../dht/secrets.ts';
import { RpcError } from '../../rpc/rpc-error.ts';
import { Members } from './members.ts';
import { RingService } from './ring-service.ts';

/** What a network is reached with. */
export interface ConnectOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly secret: ClientSecret;
  /** Flare programs of volcanos, tried in this order. */
  readonly seeds: readonly Endpoint[];
  /** How long a call is tried, in milliseconds; Infinity: for ever. */
  readonly patienceMs: number;
  /** Told, once the network is reached, whenever a volcano does not take the key any more: why, and the cure. Calls wait for it as for one that is away. */
  readonly refused?: (why: string) => void;
}

export type ConnectErrorKind = 'key' | 'version' | 'away';

/** No network was reached; the message names whom was asked, why it failed, and the cure. */
export class ConnectError extends Error {
  /** `key`: somebody is there, but does not have the same key; `version`: or speaks another version; `away`: nobody answers. */
  readonly kind: ConnectErrorKind;

  constructor(kind: ConnectErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectError';
    this.kind = kind;
  }
}

/** Reaches a network: its tree, and what lets go of it. Rejects with `ConnectError`. */
export async function connectRing(options: ConnectOptions): Promise<{ service: RingService; close(): Promise<void> }> {
  const { net, clock, random, secret, seeds, patienceMs, refused } = options;
  const tls = createTlsNet(net, { keyOf: () => null, self: secret });
  let reached = false;
  const secure: SecureNet = {
    ...tls,
    async connect(to, choice) {
      try {
        return await tls.connect(to, choice);
      } catch (error) {
        if (reached && error instanceof HandshakeError && error.refused) refused?.(refusalOf(error, secret));
        throw error;
      }
    },
  };
  const connect = (name: string, to: readonly Endpoint[]): Link =>
    new Link({ net: secure, clock, random, name, to, replyBytes: FLARE_REPLY_BYTES_MAX, lent: true });
  try {
    const members = await Members.open(connect, seeds);
    reached = true;
    return { service: new RingService(members, { clock, random, patienceMs }), close: () => members.close() };
  } catch (error) {
    throw connectError(error, secret);
  }
}

/** What a client's key is called, and the command that prints the one that it is to have. */
function namesOf({ identity: text }: ClientSecret): { readonly key: string; readonly command: string } {
  const identity = parseIdentity(text);
  if (identity?.role !== 'client') return { key: text, command: 'magma key client' };
  const { client, keyId } = identity;
  const of = keyId === null ? '' : `, by the network's key ${keyId}`;
  return { key: `${clientText(client)}${of}`, command: `magma key client ${client.name}`.trimEnd() };
}

function refusalOf({ message }: HandshakeError, secret: ClientSecret): string {
  const { key, command } = namesOf(secret);
  return `a volcano does not take the key of this mount, ${key}: ${message}. Cure, if the network's key was changed (magma key rotate): mount it again with what \`${command}\` prints on a volcano now`;
}

function connectError(error: unknown, secret: ClientSecret): ConnectError {
  const text = error instanceof Error ? error.message : String(error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof HandshakeError) {
      const { key, command } = namesOf(secret);
      const cure = `give the text that \`${command}\` prints on one of its volcanos now, or the network key`;
      const what = `the network does not take this key (${key}): ${text}`;
      return new ConnectError('key', `${what}. Cure: ${cure}`, { cause: error });
    }
    if (cause instanceof DeniedError)
      return new ConnectError('key', `the network does not let this client in: ${cause.message}`, { cause: error });
    if (cause instanceof ProjectionError) {
      const cure = 'take mount.magma and magmad of the same release';
      return new ConnectError('version', `the network's map cannot be read: ${text}. Cure: ${cure}`, { cause: error });
    }
    if (cause instanceof RpcError && cause.kind === 'PROG_MISMATCH') {
      const theirs = cause.low === cause.high ? `${cause.low}` : `${cause.low} to ${cause.high}`;
      const what = `a volcano speaks version ${theirs} of the flare program, and this is version ${FLARE_VERSION}`;
      const cure = 'take mount.magma and magmad of the same release';
      return new ConnectError('version', `${what}. Cure: ${cure}`, { cause: error });
    }
  }
  const cure = 'start it with a key, or name another one; its flare port (12000) must be open here';
  return new ConnectError('away', `no volcano answers: ${text}. Cure: ${cure}`, { cause: error });
}
