import { readIdentity } from '../../flare/store/identity.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { StoreOpenError } from '../../flare/store/open.ts';
import type { Hello } from '../programs/node/hello.ts';
import { ID_BYTES } from '../projection/types.ts';
import { PROTOCOLS } from '../protocols.ts';
import { joinerSelf, type NetworkSecrets, volcanoSelf } from '../secrets.ts';
import { askMap, askNetwork, askRoot, isUnreachable, type SeedParts } from './join.ts';
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
  readonly secrets: NetworkSecrets;
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
  const { disk, random, logger, keyring, hostNickname, seeds } = options;
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
    const life = await beginLife(store);
    return {
      store,
      id,
      nickname,
      networkId,
      secrets: await keyring.network(network),
      life,
      born: random.below(2 ** 48),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
