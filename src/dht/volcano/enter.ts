import { readIdentity } from '../../flare/store/identity.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { StoreOpenError } from '../../flare/store/open.ts';
import { KeyChain, type NetworkKey } from '../keys/chain.ts';
import type { Hello } from '../programs/node/hello.ts';
import { newestOf } from '../projection/own-store.ts';
import { memberOf } from '../projection/queries.ts';
import { ID_BYTES } from '../projection/types.ts';
import { PROTOCOLS } from '../protocols.ts';
import { joinerSelf, volcanoSelf } from '../secrets.ts';
import { askMap, askNetwork, askRoot, isUnreachable, JoinError, type SeedParts } from './join.ts';
import { beginLife } from './lives.ts';
import type { RingOptions } from './options.ts';

/** The note with this volcano's id. */
export const ID_NOTE = 'volcano/id';
/** The note with this volcano's nickname. */
export const NICKNAME_NOTE = 'volcano/nickname';

/** A volcano that knows who it is, and of which network. */
export interface Entered {
  readonly store: LocalStore;
  readonly id: string;
  readonly nickname: string;
  /** 32 hexadecimal digits. */
  readonly networkId: string;
  readonly chain: KeyChain;
  /** As in `Hello`. */
  readonly life: number;
  readonly born: number;
}

/** What a volcano says of itself that is not a member yet. */
export function joinerHello(options: RingOptions, who: Pick<Hello, 'id' | 'nickname' | 'networkId'>): Hello {
  const { version, clock, protocols = PROTOCOLS } = options;
  return { protocols, version, epoch: 0, joining: true, clock: clock.now(), life: 0, born: 0, ...who };
}

function seedParts({ clock, random, seeds }: RingOptions): SeedParts {
  return { clock, random, seeds };
}

/** Asks a seed for its network, and looks whether the two fit. `JoinError`. */
async function ask(options: RingOptions, mine: Hello): Promise<string> {
  const self = joinerSelf(await options.keyring.joiner());
  return askNetwork(options.secure({ keyOf: () => null, self }), seedParts(options), mine);
}

/** Makes the empty data directory that of the seeds' network. */
async function openJoining(options: RingOptions, id: string): Promise<LocalStore> {
  const { disk, keyring, secure, hostNickname, open } = options;
  const found = await readIdentity(disk);
  const nickname = options.nickname ?? hostNickname;
  const mine = joinerHello(options, { id, nickname, networkId: found?.toString('hex') ?? null });
  const networkId = Buffer.from(await ask(options, mine), 'hex');
  const net = secure({ keyOf: () => null, self: volcanoSelf(await keyring.network(networkId)) });
  const { projection } = await askMap(net, seedParts(options), mine);
  const rootGeneration = await askRoot(net, seedParts(options), projection);
  return open({ join: { networkId, rootGeneration } });
}

/** The store of a directory that is part of a network; null when it is of none. */
async function openThere({ open, boot, seeds }: RingOptions): Promise<LocalStore | null> {
  try {
    return await open({ boot });
  } catch (error) {
    if (error instanceof StoreOpenError && error.reason === 'empty' && seeds.length > 0) return null;
    throw error;
  }
}

/** The key that was given is none of the network that the data directory is of, as far as can be told. */
export class KeyError extends JoinError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyError';
  }
}

/**
 * The network's keys: those that the data directory has, or the one that was given. One that the data directory does not know may be the network's by now, if that was changed while this volcano was
 * away: then the others let it in. `KeyError` when they do not.
 */
async function chainOf(options: RingOptions, store: LocalStore, mine: Hello, network: Buffer): Promise<KeyChain> {
  const { keyring, secure, clock, random, logger } = options;
  const given: NetworkKey = { secrets: await keyring.network(network), joiner: await keyring.joiner() };
  const { keyId } = given.secrets;
  const chain = new KeyChain(store, given);
  if (chain.kept ? chain.find(keyId) !== null : options.isKeyKnown?.() !== false) return chain;
  if (chain.isRetired(keyId)) {
    logger.warn(
      { key: keyId },
      "the key that this volcano was given is an old one of the network, which is let in no more: it goes by the one in its data directory. Cure: give it the network's key (--key-file)",
    );
    return chain;
  }
  const map = newestOf(store);
  const self = map === null ? null : memberOf(map, mine.id);
  const seeds = (map?.volcanos ?? [])
    .filter((one) => one !== self)
    .flatMap(({ addresses, nodePort: port }) => addresses.map((address) => ({ address, port })));
  const net = secure({ keyOf: () => null, self: joinerSelf(given.joiner) });
  try {
    const theirs = await askNetwork(net, { clock, random, seeds }, mine);
    if (theirs !== mine.networkId) throw new JoinError(`it is that of network ${theirs}`);
  } catch (error) {
    const why = seeds.length === 0 ? '' : `, nor is it known to another one (${(error as Error).message})`;
    throw new KeyError(`this is not the key of the network in the data directory${why}. Cure: give that key`, {
      cause: error,
    });
  }
  await chain.adopt(given);
  logger.warn(
    { key: keyId },
    "the network's key was changed while this volcano was away: it goes by the one that it was given",
  );
  return chain;
}

/** The value of a note, which is set when there is none. */
async function settled(store: LocalStore, name: string, value: string): Promise<string> {
  const kept = store.note(name);
  if (kept !== null) return kept.toString('latin1');
  await store.setNote(name, Buffer.from(value, 'latin1'));
  return value;
}

/**
 * Opens the data directory, which becomes that of the seeds' network when it is empty. Rejects with `StoreOpenError`, or with `JoinError` when that network does not
 * want this volcano, or cannot be reached.
 */
export async function enter(options: RingOptions): Promise<Entered> {
  const { disk, random, logger, hostNickname, seeds } = options;
  const drawn = random.bytes(ID_BYTES).toString('hex');
  const there = await openThere(options);
  const store = there ?? (await openJoining(options, drawn));
  try {
    const id = await settled(store, ID_NOTE, drawn);
    const nickname = await settled(store, NICKNAME_NOTE, options.nickname ?? hostNickname);
    const network = (await readIdentity(disk))!;
    const networkId = network.toString('hex');
    if (there !== null && seeds.length > 0) {
      // Whoever is told to join another network than his own is not to go on as if nothing had been said.
      await ask(options, joinerHello(options, { id, nickname, networkId })).catch((error: unknown) => {
        if (!isUnreachable(error)) throw error;
        logger.info({ err: error }, 'no volcano to join through answers: what this one knows of its network will do');
      });
    }
    const chain = await chainOf(options, store, joinerHello(options, { id, nickname, networkId }), network);
    const life = await beginLife(store);
    return {
      store,
      id,
      nickname,
      networkId,
      chain,
      life,
      born: random.below(2 ** 48),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
