import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { BusyError } from '../../flare/joint.ts';
import { SLICES, sliceOf } from '../../flare/keys.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import type { CallContext } from '../../rpc/program.ts';
import type { Balancer } from '../balance/balancer.ts';
import { RefreshError } from '../errors.ts';
import type { Failover } from '../failover/failover.ts';
import type { KeyChain } from '../keys/chain.ts';
import type { Doorman } from '../keys/doorman.ts';
import { keyHandlers } from '../keys/handlers.ts';
import type { Role } from '../keys/identity.ts';
import type { KeyKeeper } from '../keys/keeper.ts';
import { noteLoss } from '../losses.ts';
import type { Observation, Observing } from '../observation.ts';
import type { Peers } from '../peers.ts';
import type { NodeClient } from '../programs/node/client.ts';
import type { NodeHandlers } from '../programs/node/handlers.ts';
import { checkHello, type Hello } from '../programs/node/hello.ts';
import type { NodeProcedure } from '../programs/node/program.ts';
import { DeniedError } from '../programs/result.ts';
import type { News } from '../projection/news.ts';
import type { OwnProjectionStore } from '../projection/own-store.ts';
import { newerThan, type ProjectionStore } from '../projection/store.ts';
import { type Member, ProjectionError } from '../projection/types.ts';
import { isTransient } from '../retry.ts';
import type { BackupSource } from './backup-source.ts';
import { holdersOf } from './copies.ts';
import { type FarewellParts, farewell } from './farewell.ts';
import type { NetworkFigures } from './figures.ts';
import { setLeaving } from './leaving.ts';
import { giveUp } from './loss.ts';
import type { NetworkNotes } from './network-notes.ts';
import type { Register } from './register.ts';
import type { Replication } from './replication.ts';
import type { RingMap } from './ring-map.ts';
import type { Serving } from './serving.ts';
import { digestOf } from './slice-digest.ts';
import { welcome } from './welcome.ts';

/** Newcomers that wait to become members at a time; others are to ask again. */
export const WELCOMES_MAX = 64;

/** What the node program's handlers work with. */
export interface HandlersParts {
  readonly hello: () => Hello;
  /** Another volcano has said hello. */
  readonly greeted: (theirs: Hello) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly map: RingMap;
  readonly serving: Serving;
  readonly peers: Peers;
  readonly store: LocalStore;
  /** Where maps are arbitrated: for reading. */
  readonly projections: ProjectionStore;
  /** The same, when a volcano keeps it: this one, or another one. */
  readonly register: Register | null;
  /** The same, when no volcano does: each may write there. */
  readonly shared: ProjectionStore | null;
  readonly notes: NetworkNotes;
  readonly doorman: Doorman;
  readonly chain: KeyChain;
  readonly keeper: KeyKeeper;
  readonly figures: NetworkFigures;
  readonly backup: BackupSource;
  /** What this volcano sees of its clients. */
  readonly observe: (ask: Observing) => Observation;
  readonly replication: () => Replication | null;
  readonly failover: Pick<Failover, 'grant'>;
  /** Null: this volcano takes no part in it. */
  readonly balance: Pick<Balancer, 'works'> | null;
  /** Resolves when this volcano stops: what waits is answered then. */
  readonly stopped: Promise<void>;
}

/** Who may call what of the node program: a volcano everything; who wants to become one, the first words. */
export function nodeAllowed(procedure: NodeProcedure, role: Role | 'joiner' | null): boolean {
  return role === 'volcano' || (role === 'joiner' && procedure === 'HELLO');
}

/** Runs it; what is not legal is denied, with the reason. */
async function legal<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProjectionError || error instanceof RangeError) throw new DeniedError(error.message);
    throw error;
  }
}

/** Passes a call on to another volcano; the caller is to ask again while that does not answer. */
async function passedOn<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isTransient(error) ? new BusyError() : error;
  }
}

/** What this volcano does when another one calls. */
export function nodeHandlers(parts: HandlersParts): NodeHandlers {
  const {
    hello,
    greeted,
    clock,
    logger,
    map,
    serving,
    peers,
    store,
    projections,
    register,
    shared,
    notes,
    figures,
    balance,
  } = parts;

  const arbiterHere = (): OwnProjectionStore => {
    if (register === null) throw new DeniedError('no volcano arbitrates the maps of this network');
    return register.kept;
  };

  const movable = (): Register => {
    if (register === null)
      throw new DeniedError('the maps of this network lie in etcd: no volcano keeps a register that could be moved');
    return register;
  };

  const newest = async (known: number): Promise<News> => {
    const found = await projections.newest();
    const kept = register?.keptOrNull ?? null;
    if (kept !== null) return kept.since(known);
    return found === null || found.epoch === known ? null : { whole: found };
  };

  /** Newcomers become members one after the other: of many that wrote a map at the same time one alone would succeed. */
  let welcomed: Promise<unknown> = Promise.resolve();
  let welcomes = 0;
  const welcomeInTurn = async (own: ProjectionStore, newcomer: Omit<Member, 'state'>): Promise<void> => {
    if (welcomes >= WELCOMES_MAX) throw new BusyError();
    welcomes += 1;
    const turn = welcomed.then(() => welcome({ register: own, figures, logger }, newcomer));
    welcomed = turn.catch(() => {}).finally(() => (welcomes -= 1));
    return turn;
  };

  /** Has it done by who may write maps: here, or by the arbiter. */
  const byRegister = async (
    here: (own: ProjectionStore) => Promise<void>,
    there: (arbiter: NodeClient) => Promise<void>,
  ): Promise<void> => {
    const own = shared ?? register?.keptOrNull ?? null;
    if (own !== null) return passedOn(() => legal(() => here(own)));
    const id = map.projection?.arbiter;
    if (id === null || id === undefined || id === hello().id) throw new BusyError();
    return passedOn(() => there(peers.peer(id).node));
  };

  const leaving = (own: ProjectionStore): FarewellParts => ({
    self: hello().id,
    register: own,
    peers,
    clock,
    logger,
  });

  const replicating = (): Replication => {
    const replication = parts.replication();
    if (replication === null) throw new BusyError();
    return replication;
  };

  const tell = (error: unknown, who: string, { client }: CallContext): unknown => {
    if (error instanceof DeniedError)
      logger.warn({ volcano: who, address: client.address }, `a volcano was refused: ${error.message}`);
    return error;
  };

  return {
    hello(theirs, call) {
      const mine = hello();
      const now = clock.now();
      try {
        checkHello(mine, theirs, { earliest: now, latest: now }, map.projection);
        if (!theirs.joining) greeted(theirs);
      } catch (error) {
        throw tell(error, theirs.nickname, call);
      }
      return mine;
    },
    newest: (known) => passedOn(() => newest(known)),
    known: () => map.projection,
    standing: (look) => {
      const { epoch, heard, current } = map;
      return register?.standing(look) ?? { epoch, heard, current, promised: 0, reaches: true };
    },
    promise: (promise) => movable().promise(promise),
    crown: (projection) => legal(() => movable().crown(projection)),
    write: (projection) => legal(() => arbiterHere().write(projection)),
    async watch(epoch, waitMs) {
      const found = await newerThan(arbiterHere(), clock, epoch, waitMs, parts.stopped);
      return found === null ? null : arbiterHere().since(epoch);
    },
    async join(newcomer, call) {
      const here = async (own: ProjectionStore): Promise<void> => {
        await welcomeInTurn(own, newcomer).catch((error: unknown) => {
          throw tell(error, newcomer.nickname, call);
        });
      };
      await byRegister(here, (node) => node.join(newcomer));
    },
    bury: (member) =>
      byRegister(
        (own) => farewell(leaving(own), member),
        (node) => node.bury(member),
      ),
    leave: (member, leaves) =>
      byRegister(
        (own) => setLeaving({ register: own, logger }, member, leaves),
        (node) => node.leave(member, leaves),
      ),
    giveUp: (given) =>
      byRegister(
        async (own) => {
          await giveUp(leaving(own), given);
          // Not waited for: the notes may be among what was given up, and come back with it.
          noteLoss(notes, clock).then(
            () => logger.warn({}, 'the loss is noted: clients with locks are told of it'),
            (err: unknown) =>
              logger.error({ err }, 'the loss could not be noted: clients with locks are not told of it'),
          );
        },
        (node) => node.giveUp(given),
      ),
    copies: () => Array.from({ length: SLICES }, (_, slice) => store.replica.following.last(slice)),
    append: (append) => replicating().append(append),
    followed: (ask) => replicating().followed(ask),
    tail: (ask) => replicating().tail(ask),
    contents(id, version, offset, length) {
      const { projection } = map;
      if (projection === null || !holdersOf(projection, sliceOf(id.key)).includes(hello().id))
        throw new DeniedError('this volcano has no copy in sync of that slice');
      if (!store.replica.sound) throw new BusyError();
      return store.replica.contents(id, version, offset, length);
    },
    common: (ask) => replicating().common(ask),
    renew: (sender) => parts.failover.grant(sender),
    joint(slice) {
      if (serving.isOwn(slice)) return store.joint;
      throw map.current ? new RefreshError(map.epoch) : new BusyError();
    },
    load(sender, theirs) {
      figures.told(sender, theirs);
      return figures.tells();
    },
    work(theirs) {
      balance?.works.told(theirs);
      return balance?.works.tells() ?? [];
    },
    digest: (slice) => legal(() => digestOf(store, slice)),
    backup: () => parts.backup,
    observe: (ask) => parts.observe(ask),
    ...keyHandlers({ ...parts, passedOn: (work) => passedOn(() => legal(work)) }),
    held: (from) => store.locks.held(from),
    releaseHolder: (holder) => store.locks.releaseHolder(holder),
    notes(after, known) {
      notes.checkOwner();
      return notes.page(after, known);
    },
    setNote: (name, value) => legal(() => notes.set(name, value)),
  };
}
