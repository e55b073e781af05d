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
import { KNOWN_NOTES, OwnProjectionStore } from './projection/own-store.ts';
import { indexOf, memberOf } from './projection/queries.ts';
import { firstProjection } from './projection/steps.ts';
import type { ProjectionStore } from './projection/store.ts';
import type { Member, Projection } from './projection/types.ts';
import { PROTOCOLS, type Protocols, unfitFor } from './protocols.ts';
import { Router } from './router.ts';
import { stateFiles } from './state-text.ts';
import { Tree } from './tree.ts';
import { Absence } from './volcano/absence.ts';
import { BackupSource } from './volcano/backup-source.ts';
import { Carrier } from './volcano/carrier.ts';
import { askCopies } from './volcano/copies.ts';
import { type Entered, enter, joinerHello } from './volcano/enter.ts';
import { farewell } from './volcano/farewell.ts';
import { NetworkFigures } from './volcano/figures.ts';
import { nodeHandlers } from './volcano/handlers.ts';
import { askIn, askMap, JoinError, reachedAt } from './volcano/join.ts';
import { Lives } from './volcano/lives.ts';
import { NetworkNotes } from './volcano/network-notes.ts';
import type { RingOptions } from './volcano/options.ts';
import { Programs } from './volcano/programs.ts';
import { Register } from './volcano/register.ts';
import type { Replication } from './volcano/replication.ts';
import { RingMap } from './volcano/ring-map.ts';
import { Serving } from './volcano/serving.ts';
import { Upgrade } from './volcano/upgrade.ts';

export type { RingOptions } from './volcano/options.ts';

function newer(one: Projection | null, other: Projection | null): Projection | null {
  return (one?.epoch ?? 0) >= (other?.epoch ?? 0) ? one : other;
}

/** One volcano of a ring, that serves. */
export interface Ring {
  /** The whole network's tree, with `/.dht/`. */
  readonly tree: FlareService;
  /** The same without `/.dht/`. */
  readonly flares: FlareService;
  /** The network's notes; those of `volcano/` and `dht/` are this volcano's own. */
  readonly notes: NoteStore;
  /** What lies here: for figures, checks and tests. */
  readonly store: LocalStore;
  readonly self: Member;
  readonly networkId: string;
  /** Whether the network's key of that name (`NetworkSecrets.keyId`) is let in. */
  accepts(keyId: string): boolean;
  /** What a uid has in a share on the slices of others, as far as it was heard. Never waits. */
  readonly usageElsewhere: (share: number, uid: number) => Usage;
  /** What an operator is shown of the network. */
  readonly view: OperatorView;
  /** The newest that is known. */
  projection(): Projection;
  /** Leaves nothing half done, and lets go of the data directory. Harmless when called twice. */
  close(): Promise<void>;
}

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
  /** The network begins with this volcano, if it has not yet. */
  readonly #begins: boolean;
  readonly #projections: ProjectionStore;
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
  #replication: Replication | null = null;
  #carrier: Carrier | null = null;
  #absence: Absence | null = null;
  #upgrade: Upgrade | null = null;
  readonly #protocols: Protocols;
  readonly #lives = new Lives();
  #isExpelled = false;
  /** By the last map that names it, it was to leave. */
  #leaves = false;
  #programs: Programs | null = null;
  #taken = 0;
  #closing: Promise<void> | null = null;
  readonly #observe: (ask: Observing) => Observation;

  constructor(options: RingOptions, entered: Entered) {
    const { clock, random, logger, load } = options;
    const { store, id, chain } = entered;
    this.#options = options;
    this.#protocols = options.protocols ?? PROTOCOLS;
    const { observe = () => NOTHING_OBSERVED } = options;
    this.#observe = (ask) => ({ ...observe(ask), nickname: this.#hello().nickname });
    this.#entered = entered;
    const own = OwnProjectionStore.open(store);
    const kept = new ProjectionNotes(store, KNOWN_NOTES);
    const known = newer(own.known, kept.load());
    const begins = known === null && store.note(ROOT_NOTE) === null;
    this.#shared = options.register?.(entered.networkId) ?? null;
    this.#begins = begins;
    this.#peers = new Peers(id, {
      net: chainNet(options.secure, chain),
      ...{ clock, random },
      hello: () => this.#hello(),
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
      kept,
    });
    // What was promised in an earlier life holds in this one.
    if (this.#register !== null) this.#map.learn(this.#register.promised);
    if (known !== null) this.#peers.update(known);
    const { failoverMs = FAILOVER_MS, failover = (parts) => new Failover(parts) } = options;
    this.#failover = failover({
      ...{ self: id, clock, logger, failoverMs },
      map: this.#map,
      ask: (member, patienceMs) => this.#peers.peer(member).node.renew(id, patienceMs),
      sound: () => store.replica.sound && this.#replication?.sound !== false,
      changed: () => {
        this.#replication?.heard();
        this.#carrier?.settle();
      },
    });
    this.#serving = new Serving({
      ...{ self: id, store },
      map: this.#map,
      peers: this.#peers,
      failover: this.#failover,
    });
    this.#figures = new NetworkFigures({
      ...{ self: id, clock, load },
      map: this.#map,
      peers: this.#peers,
      space: () => store.statfs(),
      lag: () => this.#replication?.lag() ?? 0,
      disk: () => store.diskFigures(),
      usage: () => store.limitedUsage(),
      protocol: this.#protocols.most,
      heard: () => this.#upgrade?.settle(),
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
            changed: () => this.#carrier?.settle(),
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
    return this.#member()!;
  }

  projection(): Projection {
    return this.#map.projection!;
  }

  async start(): Promise<void> {
    this.#checkProtocol();
    await this.#listen();
    const again = this.#member() !== null;
    if (this.#map.projection === null) await this.#begin();
    if (this.#member() === null) await this.#becomeMember();
    this.#checkRegister(this.#map.projection!);
    this.#map.start();
    await this.#until(() => this.#map.current);
    // In a life before this one it may have written records that it has lost, in any epoch up to this one.
    if (again) this.#failover.begin(this.#map.epoch);
    const self = this.#member();
    if (self === null) throw this.#expelled();
    this.#checkPorts(self);
    this.#serve();
    await this.#orStopped(this.#notes.start());
    await this.#keeper.start();
    await this.#until(() => (this.#member()?.state ?? 'joining') !== 'joining');
  }

  #serve(): void {
    const { clock, random, logger, replication } = this.#options;
    const { id: self, store } = this.#entered;
    const made = replication({
      ...{ self, store, clock, random, logger },
      peers: this.#peers,
      silent: (member) => this.#failover.isSilent(member),
      changed: () => {
        this.#settleServed();
        this.#carrier?.settle();
      },
    });
    this.#carrier = new Carrier({
      ...{ self, clock, random, logger },
      map: this.#map,
      projections: this.#projections,
      replication: made,
      failover: this.#failover,
      balance: this.#balance,
      hint: (member) => void this.#figures.tell(member),
    });
    const { deadAfterMs } = this.#options;
    if (deadAfterMs !== undefined) {
      const parts = { self, register: this.#projections, peers: this.#peers, clock, logger };
      this.#absence = new Absence({
        ...{ self, clock, logger, deadAfterMs, map: this.#map, figures: this.#figures },
        farewell: (member) => farewell(parts, member),
      });
    }
    this.#upgrade = new Upgrade({
      ...{ self, logger, map: this.#map, figures: this.#figures },
      protocols: this.#protocols,
      register: this.#projections,
    });
    this.#taken = this.#map.epoch;
    made.update(this.#map.projection!);
    this.#replication = made;
    this.#serving.begin(made);
    this.#settleServed();
    this.#carrier.start();
    this.#router.outcomes.start();
    this.#figures.start();
    this.#balance?.start();
    this.#absence?.start();
    this.#upgrade.settle();
  }

  /** The newest map that one of the others knows. */
  async #knownBy(tries: number): Promise<Projection | null> {
    const others = this.#map.projection!.volcanos.filter(({ id }) => id !== this.#entered.id);
    const other = others[tries % others.length];
    return other === undefined ? null : this.#peers.peer(other.id).node.known();
  }

  /** The map has changed, or is not current any more, or is again. */
  #settle(): void {
    const { projection, epoch } = this.#map;
    const self = this.#member();
    if (this.#carrier !== null && self === null) {
      this.#expel();
      return;
    }
    this.#leaves = self?.state === 'leaving';
    if (projection !== null) this.#peers.update(projection);
    this.#register?.settle();
    this.#failover.settle();
    if (this.#replication !== null && epoch > this.#taken) {
      this.#taken = epoch;
      this.#replication.update(projection!);
    }
    this.#settleServed();
    this.#balance?.settle();
    this.#carrier?.settle();
    this.#upgrade?.settle();
  }

  /** Others are about to have all that was here: nothing is answered, or asked, any more. */
  #expel(): void {
    if (this.#isExpelled) return;
    this.#isExpelled = true;
    const why = this.#expelled();
    const { logger, left, expelled } = this.#options;
    const { epoch } = this.#map;
    if (this.#leaves) logger.info({ epoch }, 'this volcano has left its network: others have all that it had');
    else logger.error({ epoch }, why.message);
    this.#serving.settle();
    this.#replication?.update(this.#map.projection!);
    this.#stopWork();
    if (this.#leaves) left?.();
    else expelled?.(why);
  }

  #stopWork(): void {
    this.#carrier?.stop();
    this.#absence?.stop();
    this.#upgrade?.stop();
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

  async #listen(): Promise<void> {
    const { clock, logger, flarePort, nodePort } = this.#options;
    const known = this.#member();
    const handlers = nodeHandlers({
      observe: this.#observe,
      ...{ clock, logger },
      hello: () => this.#hello(),
      greeted: (theirs) => this.#greeted(theirs),
      map: this.#map,
      serving: this.#serving,
      peers: this.#peers,
      store: this.store,
      projections: this.#projections,
      register: this.#register,
      shared: this.#shared,
      notes: this.#notes,
      doorman: this.#doorman,
      chain: this.#entered.chain,
      keeper: this.#keeper,
      figures: this.#figures,
      backup: this.#backup,
      replication: () => this.#replication,
      failover: this.#failover,
      balance: this.#balance,
      stopped: this.#stopped.promise,
    });
    const parts = {
      ...{ options: this.#options, handlers, map: this.#map, serving: this.#serving },
      chain: this.#entered.chain,
      doorman: this.#doorman,
      flares: this.#router,
      tree: this.tree,
    };
    this.#programs = await Programs.listen(parts, {
      flare: flarePort === 0 ? (known?.flarePort ?? 0) : flarePort,
      node: nodePort === 0 ? (known?.nodePort ?? 0) : nodePort,
    });
  }

  /** The first volcano: it has everything, and arbitrates, unless that is done elsewhere. */
  async #begin(): Promise<void> {
    const { networkName, replicas } = this.#options;
    if (!this.#begins) return;
    const register = this.#shared ?? this.#register!.begin();
    const member = this.#entry(reachedAt(this.#options, null));
    const arbitratedElsewhere = this.#shared !== null;
    const first = firstProjection({
      networkId: this.networkId,
      networkName,
      replicas,
      member,
      arbitratedElsewhere,
      protocol: this.#protocols.most,
    });
    const answer = await register.write(first);
    // A beginning that was broken off behind the write is gone on with.
    this.#map.know(answer === 'written' ? first : ((await register.newest()) ?? first));
  }

  /** Whether this program knows what the maps say that lie here: after the network has gone on to a newer protocol an older one would not. */
  #checkProtocol(): void {
    const { projection } = this.#map;
    const { nickname } = this.#entered;
    const who = `${nickname} (magma ${this.#options.version})`;
    const unfit = projection === null ? null : unfitFor(projection.protocol, who, this.#protocols);
    if (unfit !== null) throw new JoinError(unfit);
  }

  /** Whether the register is where the map says: two would give two maps of one epoch. */
  #checkRegister({ arbiter }: Projection): void {
    if (this.#shared !== null && arbiter !== null)
      throw new JoinError(
        `the maps of network ${this.networkId} are arbitrated by its first volcano, not in etcd: leave --etcd out`,
      );
    if (this.#shared === null && arbiter === null)
      throw new JoinError(`the maps of network ${this.networkId} lie in etcd: say where that is (--etcd)`);
  }

  async #becomeMember(): Promise<void> {
    const { clock, random, seeds, secure } = this.#options;
    const { id, nickname, networkId, chain } = this.#entered;
    if (seeds.length === 0)
      throw new JoinError(`${nickname} is no volcano of its network yet: name one to join through (-r)`);
    const net = chainNet(secure, chain);
    const parts = { clock, random, seeds };
    const mine = (): Hello => joinerHello(this.#options, { id, nickname, networkId });
    const { projection, localAddress } = await askMap(net, parts, mine());
    this.#checkRegister(projection);
    // Somebody may have spoken to this volcano before, and had it read a map of before it was a member.
    const joined =
      indexOf(projection, id) === -1
        ? await askIn(net, parts, mine(), projection, this.#entry(reachedAt(this.#options, localAddress)))
        : projection;
    this.#map.know(joined);
  }

  /** This volcano, as it enters the map. */
  #entry(addresses: readonly string[]): Omit<Member, 'state'> {
    const { serverName, version } = this.#options;
    const { id, nickname } = this.#entered;
    const { flarePort, nodePort } = this.#programs!;
    return { id, nickname, serverName, addresses, flarePort, nodePort, version };
  }

  #expelled(): JoinError {
    return new JoinError(
      `${this.#entered.nickname} is no volcano of network ${this.networkId} any more: it has left, or was declared dead while it was away, and what lies in its data directory is of no use there. ` +
        'Cure: set that directory aside, and start with an empty one, through another volcano (-r)',
    );
  }

  #checkPorts({ nickname, flarePort, nodePort }: Member): void {
    const { flarePort: flare, nodePort: node } = this.#programs!;
    if (flare === flarePort && node === nodePort) return;
    throw new JoinError(
      `${nickname} listens on ports ${flare} and ${node}, and the map says ${flarePort} and ${nodePort}: start it with those`,
    );
  }

  #member(): Member | null {
    const { projection } = this.#map;
    return projection === null ? null : memberOf(projection, this.#entered.id);
  }

  /** Looks at what another volcano says of itself: `DeniedError` when its disk is a copy. It may know a map of a later register: the one that this one goes by is none any more. */
  #greeted(theirs: Hello): void {
    this.#lives.meet(theirs);
    const { epoch } = theirs;
    if (generationOf(epoch) > generationOf(this.#map.epoch)) this.#map.learn(epoch);
  }

  #hello(): Hello {
    const { id, networkId } = this.#entered;
    const { version, clock } = this.#options;
    const member = this.#member();
    return {
      protocols: this.#protocols,
      version,
      networkId,
      id,
      nickname: member?.nickname ?? this.#entered.nickname,
      epoch: this.#map.epoch,
      clock: clock.now(),
      joining: false,
      life: this.#entered.life,
      born: this.#entered.born,
    };
  }

  /** Resolves when the map is so. Rejects when the start is to end. */
  #until(done: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#map.onChange(() => {
      if (done()) resolve();
    });
    if (done()) resolve();
    return this.#orStopped(promise);
  }

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
    await this.#replication?.close();
    await this.#peers.close();
    await this.store.close();
  }
}
