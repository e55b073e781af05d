import { networkInterfaces } from 'node:os';
import { systemClock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Logger } from '../base/logger.ts';
import { createTlsNet } from '../base/net/tls.ts';
import type { Net } from '../base/net.ts';
import { systemRandom } from '../base/random.ts';
import { systemResolver } from '../base/resolver.ts';
import { treeAlone } from '../dht/alone.ts';
import { KEYS_NOTE } from '../dht/keys/chain.ts';
import type { Observation, Observing } from '../dht/observation.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import type { FlareProgramParts } from '../dht/programs/flare/program.ts';
import { newestOf } from '../dht/projection/own-store.ts';
import { ID_BYTES, type Member, type Projection } from '../dht/projection/types.ts';
import { Mirroring } from '../dht/replication/mirroring.ts';
import { keyringOf, NETWORK_KEY_BYTES_MAX } from '../dht/secrets.ts';
import { ID_NOTE, KeyError } from '../dht/volcano/enter.ts';
import { openRing } from '../dht/volcano.ts';
import type { FlareService, NoteStore } from '../flare/service.ts';
import { readIdentity } from '../flare/store/identity.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import { ROOT_NOTE } from '../flare/store/open.ts';
import type { Usage } from '../flare/types.ts';
import type { Config } from './config.ts';
import { nicknameFromHost } from './config.ts';
import { openEtcd } from './etcd.ts';
import { checkKey, isKeyOf, keepKey, settleNickname } from './identity.ts';
import type { Log } from './logging.ts';
import { reachableAddresses } from './reachable.ts';
import { resolveSeeds } from './seeds.ts';
import { openDirectory, openVolcanoStore } from './store.ts';
import { UsageError } from './usage.ts';
import { VERSION } from './version.ts';

/** So often a start that takes long says so, in milliseconds. */
const WAITING_MS = 5_000;

/** The network as one volcano serves it, alone or as one of several. */
export interface Network {
  /** What clients see. */
  readonly tree: FlareService;
  /** What an operator is shown of it. */
  readonly view: OperatorView;
  readonly notes: NoteStore;
  /** What lies here. */
  readonly store: LocalStore;
  /** What a uid has in a share on the slices of others, as far as it was heard. Never waits. */
  readonly usageElsewhere: (share: number, uid: number) => Usage;
  readonly nickname: string;
  /** Whether that is the network's key, or during a rotation one of the two; null: it has none. */
  readonly isKey: ((given: Uint8Array) => Promise<boolean>) | null;
  /** Where other volcanos find this one; null when it has no key, and so no others. */
  readonly ports: { readonly flare: number; readonly node: number } | null;
  close(): Promise<void>;
}

/** What a network is opened with. */
export interface NetworkOptions {
  readonly config: Config;
  readonly log: Log;
  readonly net: Net;
  /** The host's name. */
  readonly hostname: string;
  /** For clients with a key. */
  readonly gate: FlareProgramParts['gate'];
  /** Calls answered a second, of late. */
  readonly load: () => number;
  /** What this volcano sees of its clients, and serves. */
  readonly observe: (ask: Observing) => Omit<Observation, 'nickname'>;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
}

/**
 * Opens the data directory, and takes this volcano's place in its network when there is a key: begins one, joins one, or goes on in the one that it is part of. Without a key it is
 * alone. Resolves when it serves. Rejects with an error that says what is wrong and the cure; then nothing is left open.
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const { key, data } = options.config;
  const disk = await openDirectory(data);
  return key === null ? openAlone(options, disk) : openInRing(options, disk, key);
}

/** The newest map that the data directory knows; null when it was never in a ring. */
function knownMap(store: LocalStore): Projection | null {
  return newestOf(store);
}

function selfOf(store: LocalStore, map: Projection | null): Member | undefined {
  const id = store.note(ID_NOTE)?.toString('latin1');
  return map?.volcanos.find((member) => member.id === id);
}

async function idOf(store: LocalStore): Promise<string> {
  const kept = store.note(ID_NOTE);
  if (kept !== null) return kept.toString('latin1');
  const id = systemRandom.bytes(ID_BYTES).toString('hex');
  await store.setNote(ID_NOTE, Buffer.from(id, 'latin1'));
  return id;
}

async function openAlone({ config, log, hostname, load, observe: seen }: NetworkOptions, disk: Disk): Promise<Network> {
  const { data, boot, serverName, addresses } = config;
  const store = await openVolcanoStore(disk, config, log, { boot });
  try {
    const map = knownMap(store);
    if (store.note(ROOT_NOTE) !== null || (map !== null && map.volcanos.length > 1)) {
      throw new UsageError(
        `the data directory ${data} belongs to a volcano that is one of several, and they talk under the network's key. Cure: give it (--key-file)`,
      );
    }
    // Records go on where those that were written under a map left off.
    if (map !== null) store.replica.epoch = map.epoch;
    const nickname = await settleNickname(store, config, nicknameFromHost(hostname));
    const self: Member = {
      ...{ id: await idOf(store), nickname, serverName, flarePort: 0, nodePort: 0 },
      addresses: reachableAddresses(addresses, networkInterfaces()),
      ...{ state: 'serving', version: VERSION },
    };
    const networkId = (await readIdentity(disk))!.toString('hex');
    const observe = (ask: Observing): Observation => ({ ...seen(ask), nickname });
    const { tree, view } = treeAlone({ store, clock: systemClock, networkId, self, load, observe });
    const usageElsewhere = (): Usage => ({ bytes: 0, files: 0 });
    return {
      tree,
      view,
      notes: store,
      store,
      usageElsewhere,
      nickname,
      isKey: null,
      ports: null,
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Looks, before anything is said to others, whether what was given fits the data directory. Throws `UsageError`. False: the key is another one than it was, and others may know whether it is the network's by
 * now.
 */
async function checkAgainst(store: LocalStore, config: Config, key: string, host: string): Promise<boolean> {
  const map = knownMap(store);
  const self = selfOf(store, map);
  const isKnown = store.note(KEYS_NOTE) !== null || (await isKeyOf(store, key));
  if (!isKnown && (map?.volcanos.length ?? 0) < 2) await checkKey(store, key);
  if (self === undefined) {
    await settleNickname(store, config, host);
  } else if (config.nickname !== null && config.nickname !== self.nickname) {
    throw new UsageError(
      `${config.origins.get('nickname')}: this volcano is ${self.nickname} in its network, and nicknames do not change. Cure: leave it out`,
    );
  }
  return isKnown;
}

/** Says now and then that a start takes long, until it is over. */
function tellWaiting(log: Logger, over: AbortSignal): void {
  const timer = systemClock.after(WAITING_MS, () => {
    if (over.aborted) return;
    log.warn({}, 'waiting for other volcanos of the network, or for the slices that this one takes over');
    tellWaiting(log, over);
  });
  over.addEventListener('abort', () => timer.cancel(), { once: true });
}

/** Ends the process, as what nobody has foreseen does: there is nothing here that could still be served. */
function expelled(why: Error): void {
  queueMicrotask(() => {
    throw why;
  });
}

async function openInRing(options: NetworkOptions, disk: Disk, key: string): Promise<Network> {
  const { config, log, net, hostname, gate, load, observe, signal } = options;
  const { boot, nickname, serverName, addresses, port, nodePort, replicas, failoverMs, deadAfterMs } = config;
  const logger = log.room('dht');
  const hostNickname = nicknameFromHost(hostname);
  const etcd = config.etcd === null ? null : openEtcd(config.etcd, config.origins, logger);
  const patience = new AbortController();
  let isKeyKnown = true;
  tellWaiting(log.room('volcano'), patience.signal);
  const ring = await openRing({
    ...{ disk, clock: systemClock, random: systemRandom, logger, boot, nickname, hostNickname, serverName },
    async open(how) {
      const store = await openVolcanoStore(disk, config, log, how);
      try {
        isKeyKnown = await checkAgainst(store, config, key, hostNickname);
        return store;
      } catch (error) {
        await store.close();
        throw error;
      }
    },
    secure: (secure) => createTlsNet(net, secure),
    keyring: keyringOf(key),
    isKeyKnown: () => isKeyKnown,
    seeds: await resolveSeeds(config.join, systemResolver),
    addresses: addresses.length === 0 ? [] : reachableAddresses(addresses, networkInterfaces()),
    hostAddresses: reachableAddresses([], networkInterfaces()),
    listen: addresses,
    ...{ flarePort: port, nodePort, version: VERSION, networkName: null, replicas, failoverMs },
    ...(deadAfterMs === null ? {} : { deadAfterMs }),
    expelled,
    left: () => void process.kill(process.pid, 'SIGTERM'),
    ...{ gate, load, observe, signal },
    balance: { weight: config.weight, pauseMs: config.balanceAfterMs },
    replication: (parts) => new Mirroring(parts),
    register: etcd?.register ?? null,
  })
    .catch(async (error: unknown) => {
      await etcd?.close();
      throw error instanceof KeyError ? new UsageError(error.message) : error;
    })
    .finally(() => patience.abort());
  const close = async (): Promise<void> => {
    await ring.close();
    await etcd?.close();
  };
  try {
    const { tree, view, notes, store, self, usageElsewhere, networkId } = ring;
    const room = log.room('volcano');
    if ((await keepKey(notes, key, systemRandom)) === 'new') room.info({}, 'the network has a key from now on');
    const map = ring.projection();
    if (config.origins.has('replicas') && map.replicas !== replicas)
      room.warn(
        { replicas: map.replicas },
        'the number of copies was settled when the network began: --replicas has no effect',
      );
    if (addresses.length > 0 && !addresses.some((address) => self.addresses.includes(address)))
      room.warn({ addresses: self.addresses }, 'others look for this volcano at the addresses that it joined with');
    const ports = { flare: self.flarePort, node: self.nodePort };
    const isKey = async (given: Uint8Array): Promise<boolean> => {
      if (given.length === 0 || given.length > NETWORK_KEY_BYTES_MAX) return false;
      const { keyId } = await keyringOf(Buffer.from(given).toString('utf8')).network(Buffer.from(networkId, 'hex'));
      return ring.accepts(keyId);
    };
    return { tree, view, notes, store, usageElsewhere, nickname: self.nickname, isKey, ports, close };
  } catch (error) {
    await close();
    throw error;
  }
}
