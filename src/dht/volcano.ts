import type { FlareService, NoteStore } from '../flare/service.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import { ROOT_NOTE } from '../flare/store/open.ts';
import type { Usage } from '../flare/types.ts';
import { Balancer } from './balance/balancer.ts';
import { DhtDirectory } from './dht-directory.ts';
import { Failover } from './failover/failover.ts';
import { FAILOVER_MS } from './failover/times.ts';
import { chainNet } from './keys/chain-net.ts';
import { Doorman } from './keys/doorman.ts';
import { askForKey, KeyKeeper } from './keys/keeper.ts';
import { NOTHING_OBSERVED, type Observation, type Observing } from './observation.ts';
import { type OperatorView, operatorView } from './operator-view.ts';
import { Peers } from './peers.ts';
import type { Hello } from './programs/node/hello.ts';
import { generationOf } from './projection/generation.ts';
import { ProjectionNotes } from './projection/notes.ts';
import { KNOWN_NOTES, newestOf, OwnProjectionStore } from './projection/own-store.ts';
import type { ProjectionStore } from './projection/store.ts';
import type { Member, Projection } from './projection/types.ts';
import { PROTOCOLS, type Protocols } from './protocols.ts';
import { Router } from './router.ts';
import { stateFiles } from './state-text.ts';
import { Tree } from './tree.ts';
import { BackupSource } from './volcano/backup-source.ts';
import { askCopies } from './volcano/copies.ts';
import { Duties } from './volcano/duties.ts';
import { type Entered, enter } from './volcano/enter.ts';
import { NetworkFigures } from './volcano/figures.ts';
import { nodeHandlers } from './volcano/handlers.ts';
import { Lives } from './volcano/lives.ts';
import { NetworkNotes } from './volcano/network-notes.ts';
import type { RingOptions } from './volcano/options.ts';
import { Place } from './volcano/place.ts';
import { type Ports, Programs } from './volcano/programs.ts';
import { Register } from './volcano/register.ts';
import type { Ring } from './volcano/ring.ts';
import { RingMap } from './volcano/ring-map.ts';
import { Serving } from './volcano/serving.ts';

export type { RingOptions } from './volcano/options.ts';
export type { Ring } from './volcano/ring.ts';

/**
 * Starts a volcano on its data directory: begins a network, joins one, or takes its place again in the one that it is part of. Resolves when it serves. Rejects with
 * `StoreOpenError`, `JoinError`, or the host's error, each with a text that says what is wrong and the cure; then nothing is left open.
 */
export async function openRing(options: RingOptions): Promise<Ring> {
  const entered = await enter(options);
  const volcano = new Volcano(options, entered);
  try {
    await volcano.start();
    return volcano;
  } catch (error) {
    await volcano.close();
    throw error;
  }
}

class Volcano implements Ring {
  readonly #options: RingOptions;
  readonly #entered: Entered;
  readonly #peers: Peers;
  readonly #map: RingMap;
  /** The register, when a volcano keeps it. */
  readonly #register: Register | null;
  /** The register, when no volcano keeps it. */
  readonly #shared: ProjectionStore | null;
  readonly #projections: ProjectionStore;
  readonly #place: Place;
  readonly #failover: Failover;
  readonly #serving: Serving;
  readonly #figures: NetworkFigures;
  readonly #router: Router;
  readonly #notes: NetworkNotes;
  readonly #doorman: Doorman;
  /** Null: it takes no part in it. */
  readonly #balance: Balancer | null;
  readonly #backup: BackupSource;
  readonly #keeper: KeyKeeper;
  readonly #stopped = Promise.withResolvers<void>();
  readonly tree: FlareService;
  readonly view: OperatorView;
  /** Null: it does not serve yet. */
  #duties: Duties | null = null;
  readonly #protocols: Protocols;
  readonly #lives = new Lives();
  #isExpelled = false;
  /** By the last map that names it, it was to leave. */
  #leaves = false;
  #programs: Programs | null = null;
  #closing: Promise<void> | null = null;
  readonly #observe: (ask: Observing) => Observation;

  constructor(options: RingOptions, entered: Entered) {
    const { clock, random, logger, load } = options;
    const { store, id, chain } = entered;
    this.#options = options;
    this.#protocols = options.protocols ?? PROTOCOLS;
    const { observe = () => NOTHING_OBSERVED } = options;
    this.#observe = (ask) => ({ ...observe(ask), nickname: this.#place.hello().nickname });
    this.#entered = entered;
    const own = OwnProjectionStore.open(store);
    const known = newestOf(store);
    this.#shared = options.register?.(entered.networkId) ?? null;
    this.#peers = new Peers(id, {
      net: chainNet(options.secure, chain),
      ...{ clock, random },
      hello: () => this.#place.hello(),
      greeted: (theirs) => this.#greeted(theirs),
      projection: () => this.#map.projection,
      root: () => store.root(),
      refreshed: (epoch) => this.#map.learn(epoch),
    });
    this.#register =
      this.#shared !== null
        ? null
        : new Register({
            ...{ self: id, notes: store, own, peers: this.#peers, clock, random, logger },
            map: () => this.#map,
          });
    this.#projections = this.#shared ?? this.#register!;
    store.replica.fetch = askCopies(id, { projection: () => this.#map.projection, peers: this.#peers });
    this.#map = new RingMap({
      ...{ self: id, clock, random, logger, known },
      store: this.#projections,
      told: (tries) => this.#knownBy(tries),
      kept: new ProjectionNotes(store, KNOWN_NOTES),
    });
    this.#place = new Place({
      ...{ options, entered, protocols: this.#protocols, map: this.#map },
      begins: known === null && store.note(ROOT_NOTE) === null,
      ...{ shared: this.#shared, register: this.#register },
    });
    // What was promised in an earlier life holds in this one.
    if (this.#register !== null) this.#map.learn(this.#register.promised);
    if (known !== null) this.#peers.update(known);
    const { failoverMs = FAILOVER_MS, failover = (parts) => new Failover(parts) } = options;
    this.#failover = failover({
      ...{ self: id, clock, logger, failoverMs },
      map: this.#map,
      ask: (member, patienceMs) => this.#peers.peer(member).node.renew(id, patienceMs),
      sound: () => store.replica.sound && this.#duties?.replication.sound !== false,
      changed: () => {
        this.#duties?.replication.heard();
        this.#duties?.carrier.settle();
      },
    });
    this.#serving = new Serving({
      ...{ self: id, store, map: this.#map, peers: this.#peers },
      failover: this.#failover,
    });
    this.#figures = new NetworkFigures({
      ...{ self: id, clock, load },
      map: this.#map,
      peers: this.#peers,
      space: () => store.statfs(),
      lag: () => this.#duties?.replication.lag() ?? 0,
      disk: () => store.diskFigures(),
      usage: () => store.limitedUsage(),
      protocol: this.#protocols.most,
      keys: () => this.#doorman.figures(),
      heard: () => this.#duties?.upgrade.settle(),
      logger,
    });
    this.view = operatorView({
      ...{ self: id, store, map: this.#map, peers: this.#peers, figures: this.#figures },
      observe: this.#observe,
      serving: this.#serving,
    });
    this.#notes = new NetworkNotes({
      ...{ store, clock, random, logger },
      map: this.#map,
      serving: this.#serving,
      peers: this.#peers,
    });
    const { balance = null } = options;
    this.#balance =
      balance === null
        ? null
        : new Balancer({
            ...{ self: id, clock, logger, ...balance },
            map: this.#map,
            peers: this.#peers,
            notes: this.#notes,
            silent: (member) => this.#failover.isSilent(member),
            space: () => store.statfs(),
            bytesOf: (slice) => store.bytesIn(slice),
            changed: () => this.#duties?.carrier.settle(),
          });
    this.#router = new Router({
      ...{ store, clock, random, logger },
      owners: this.#serving,
      statfs: () => this.#figures.statfs(),
      loads: this.#balance?.loads ?? null,
    });
    this.#backup = new BackupSource({ clock, random, logger, store, serving: this.#serving, map: this.#map });
    this.#doorman = new Doorman({ clock, logger, notes: this.#notes, chain });
    this.#keeper = new KeyKeeper({
      ...{ clock, logger, chain, notes: this.#notes },
      ask: askForKey(id, { projection: () => this.#map.projection, peers: this.#peers, networkId: entered.networkId }),
      standing: () => this.#figures.keyStanding(),
      redial: () => this.#peers.giveUp(),
      turnOut: (keyIds) => this.#programs?.cut((connection) => this.#doorman.isOf(connection, keyIds)),
    });
    const texts = () => {
      const { projection } = this.#map;
      const known = ({ id }: Member) => this.#figures.known(id);
      return projection === null ? new Map() : stateFiles(projection, known, this.#balance?.known() ?? null);
    };
    const dht = new DhtDirectory(clock, store.root().generation, texts);
    this.tree = new Tree(this.#router, dht);
    this.#map.onChange(() => {
      dht.changed();
      this.#settle();
    });
  }

  get flares(): FlareService {
    return this.#router;
  }

  readonly usageElsewhere = (share: number, uid: number): Usage => this.#figures.usageElsewhere(share, uid);

  get notes(): NoteStore {
    return this.#notes;
  }

  get store(): LocalStore {
    return this.#entered.store;
  }

  get networkId(): string {
    return this.#entered.networkId;
  }

  accepts(keyId: string): boolean {
    return this.#entered.chain.accepts(keyId);
  }

  get self(): Member {
    return this.#place.member!;
  }

  projection(): Projection {
    return this.#map.projection!;
  }

  async start(): Promise<void> {
    const place = this.#place;
    place.checkProtocol();
    const ports = await this.#listen();
    const again = place.member !== null;
    if (this.#map.projection === null) await place.begin(ports);
    if (place.member === null) await place.join(ports);
    place.checkRegister(this.#map.projection!);
    this.#map.start();
    await this.#orStopped(this.#map.until(() => this.#map.current));
    // In a life before this one it may have written records that it has lost, in any epoch up to this one.
    if (again) this.#failover.begin(this.#map.epoch);
    const self = place.member;
    if (self === null) throw place.lost();
    place.checkPorts(self, ports);
    this.#serve();
    await this.#orStopped(this.#notes.start());
    await this.#keeper.start();
    await this.#orStopped(this.#map.until(() => (place.member?.state ?? 'joining') !== 'joining'));
  }

  #serve(): void {
    const duties = new Duties({
      ...{ options: this.#options, self: this.#entered.id, store: this.store, protocols: this.#protocols },
      ...{ map: this.#map, projections: this.#projections, peers: this.#peers, failover: this.#failover },
      ...{ figures: this.#figures, outcomes: this.#router.outcomes, balance: this.#balance },
      settleServed: () => this.#settleServed(),
    });
    this.#duties = duties;
    duties.take();
    this.#serving.begin(duties.replication);
    this.#settleServed();
    duties.start();
  }

  /** The newest map that one of the others knows. */
  async #knownBy(tries: number): Promise<Projection | null> {
    const others = this.#map.projection!.volcanos.filter(({ id }) => id !== this.#entered.id);
    const other = others[tries % others.length];
    return other === undefined ? null : this.#peers.peer(other.id).node.known();
  }

  /** The map has changed, or is not current any more, or is again. */
  #settle(): void {
    const { projection } = this.#map;
    const self = this.#place.member;
    if (this.#duties !== null && self === null) {
      this.#expel();
      return;
    }
    this.#leaves = self?.state === 'leaving';
    if (projection !== null) this.#peers.update(projection);
    this.#register?.settle();
    this.#failover.settle();
    this.#duties?.take();
    this.#settleServed();
    this.#balance?.settle();
    this.#duties?.carrier.settle();
    this.#duties?.upgrade.settle();
  }

  /** Others are about to have all that was here: nothing is answered, or asked, any more. */
  #expel(): void {
    if (this.#isExpelled) return;
    this.#isExpelled = true;
    const why = this.#place.lost();
    const { logger, left, expelled } = this.#options;
    const { epoch } = this.#map;
    if (this.#leaves) logger.info({ epoch }, 'this volcano has left its network: others have all that it had');
    else logger.error({ epoch }, why.message);
    this.#serving.settle();
    this.#duties?.replication.update(this.#map.projection!);
    this.#stopWork();
    if (this.#leaves) left?.();
    else expelled?.(why);
  }

  #stopWork(): void {
    this.#duties?.stop();
    this.#balance?.stop();
    this.#failover.stop();
    this.#figures.stop();
    this.#notes.stop();
    this.#keeper.stop();
    this.#map.stop();
  }

  #settleServed(): void {
    this.#serving.settle();
    this.#notes.settle();
  }

  async #listen(): Promise<Ports> {
    const { clock, logger } = this.#options;
    const handlers = nodeHandlers({
      ...{ clock, logger, store: this.store, chain: this.#entered.chain, peers: this.#peers, map: this.#map },
      ...{ projections: this.#projections, register: this.#register, shared: this.#shared },
      ...{ serving: this.#serving, failover: this.#failover, figures: this.#figures, balance: this.#balance },
      ...{ notes: this.#notes, doorman: this.#doorman, keeper: this.#keeper, backup: this.#backup },
      observe: this.#observe,
      hello: () => this.#place.hello(),
      greeted: (theirs) => this.#greeted(theirs),
      replication: () => this.#duties?.replication ?? null,
      stopped: this.#stopped.promise,
    });
    const parts = {
      ...{ options: this.#options, handlers, map: this.#map, serving: this.#serving },
      chain: this.#entered.chain,
      doorman: this.#doorman,
      flares: this.#router,
      tree: this.tree,
    };
    this.#programs = await Programs.listen(parts, this.#place.wantedPorts());
    return this.#programs;
  }

  /** Looks at what another volcano says of itself: `DeniedError` when its disk is a copy. It may know a map of a later register: the one that this one goes by is none any more. */
  #greeted(theirs: Hello): void {
    this.#lives.meet(theirs);
    const { epoch } = theirs;
    if (generationOf(epoch) > generationOf(this.#map.epoch)) this.#map.learn(epoch);
  }

  /** Rejects when the start is to end. */
  #orStopped(promise: Promise<void>): Promise<void> {
    const { signal } = this.#options;
    if (signal === undefined) return promise;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new Error('the start was ended'));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      promise.then(resolve, reject);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopped.resolve();
    this.#stopWork();
    this.#backup.stop();
    await this.#programs?.stop();
    this.#router.outcomes.stop();
    await this.#duties?.replication.close();
    await this.#peers.close();
    await this.store.close();
  }
}
