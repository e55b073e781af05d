import { chainNet } from '../keys/chain-net.ts';
import type { Hello } from '../programs/node/hello.ts';
import { indexOf, memberOf } from '../projection/queries.ts';
import { firstProjection } from '../projection/steps.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { Member, Projection } from '../projection/types.ts';
import { type Protocols, unfitFor } from '../protocols.ts';
import { type Entered, joinerHello } from './enter.ts';
import { askIn, askMap, JoinError, reachedAt } from './join.ts';
import type { RingOptions } from './options.ts';
import type { Ports } from './programs.ts';
import type { Register } from './register.ts';
import type { RingMap } from './ring-map.ts';

/** What a volcano's place in the map is got with. */
export interface PlaceParts {
  readonly options: RingOptions;
  readonly entered: Entered;
  readonly protocols: Protocols;
  readonly map: RingMap;
  /** The network begins with this volcano, if it has not yet. */
  readonly begins: boolean;
  /** The register, when no volcano keeps it. */
  readonly shared: ProjectionStore | null;
  /** The register, when a volcano keeps it. */
  readonly register: Register | null;
}

/** A volcano's place in its network's map: how it gets one, what it says of itself, and why it cannot take the one that it has. */
export class Place {
  readonly #parts: PlaceParts;

  constructor(parts: PlaceParts) {
    this.#parts = parts;
  }

  /** This volcano, by the newest map that is known; null: that does not name it. */
  get member(): Member | null {
    const { map, entered } = this.#parts;
    const { projection } = map;
    return projection === null ? null : memberOf(projection, entered.id);
  }

  /** What this volcano says of itself to others. */
  hello(): Hello {
    const { options, entered, protocols, map } = this.#parts;
    const { id, networkId, life, born } = entered;
    const { version, clock } = options;
    const nickname = this.member?.nickname ?? entered.nickname;
    const { epoch } = map;
    return { protocols, version, networkId, id, nickname, epoch, clock: clock.now(), joining: false, life, born };
  }

  /** Where it is to listen: where it was told to, else where the map says; 0: anywhere. */
  wantedPorts(): Ports {
    const { flarePort, nodePort } = this.#parts.options;
    const { member } = this;
    return {
      flarePort: flarePort === 0 ? (member?.flarePort ?? 0) : flarePort,
      nodePort: nodePort === 0 ? (member?.nodePort ?? 0) : nodePort,
    };
  }

  /** The first volcano: it has everything, and arbitrates, unless that is done elsewhere. */
  async begin(ports: Ports): Promise<void> {
    const { options, entered, protocols, map, begins, shared } = this.#parts;
    const { networkName, replicas } = options;
    if (!begins) return;
    const register = shared ?? this.#parts.register!.begin();
    const first = firstProjection({
      networkId: entered.networkId,
      networkName,
      replicas,
      member: this.#entry(reachedAt(options, null), ports),
      arbitratedElsewhere: shared !== null,
      protocol: protocols.most,
    });
    const answer = await register.write(first);
    // A beginning that was broken off behind the write is gone on with.
    map.know(answer === 'written' ? first : ((await register.newest()) ?? first));
  }

  /** Becomes a volcano of the seeds' network, of which the data directory is already. `JoinError`. */
  async join(ports: Ports): Promise<void> {
    const { options, entered, map } = this.#parts;
    const { clock, random, seeds, secure } = options;
    const { id, nickname, networkId, chain } = entered;
    if (seeds.length === 0)
      throw new JoinError(`${nickname} is no volcano of its network yet: name one to join through (-r)`);
    const net = chainNet(secure, chain);
    const parts = { clock, random, seeds };
    const mine = (): Hello => joinerHello(options, { id, nickname, networkId });
    const { projection, localAddress } = await askMap(net, parts, mine());
    this.checkRegister(projection);
    // Somebody may have spoken to this volcano before, and had it read a map of before it was a member.
    const joined =
      indexOf(projection, id) === -1
        ? await askIn(net, parts, mine(), projection, this.#entry(reachedAt(options, localAddress), ports))
        : projection;
    map.know(joined);
  }

  /** This volcano, as it enters the map. */
  #entry(addresses: readonly string[], { flarePort, nodePort }: Ports): Omit<Member, 'state'> {
    const { options, entered } = this.#parts;
    const { serverName, version } = options;
    const { id, nickname } = entered;
    return { id, nickname, serverName, addresses, flarePort, nodePort, version };
  }

  /** Whether this program knows what the maps say that lie here: after the network has gone on to a newer protocol an older one would not. `JoinError`. */
  checkProtocol(): void {
    const { options, entered, protocols, map } = this.#parts;
    const { projection } = map;
    const who = `${entered.nickname} (magma ${options.version})`;
    const unfit = projection === null ? null : unfitFor(projection.protocol, who, protocols);
    if (unfit !== null) throw new JoinError(unfit);
  }

  /** Whether the register is where the map says: two would give two maps of one epoch. `JoinError`. */
  checkRegister({ arbiter }: Projection): void {
    const { shared, entered } = this.#parts;
    const { networkId } = entered;
    if (shared !== null && arbiter !== null)
      throw new JoinError(
        `the maps of network ${networkId} are arbitrated by its first volcano, not in etcd: leave --etcd out`,
      );
    if (shared === null && arbiter === null)
      throw new JoinError(`the maps of network ${networkId} lie in etcd: say where that is (--etcd)`);
  }

  /** Whether this volcano listens where the map says. `JoinError`. */
  checkPorts({ nickname, flarePort, nodePort }: Member, { flarePort: flare, nodePort: node }: Ports): void {
    if (flare === flarePort && node === nodePort) return;
    throw new JoinError(
      `${nickname} listens on ports ${flare} and ${node}, and the map says ${flarePort} and ${nodePort}: start it with those`,
    );
  }

  /** Why this volcano may not serve any more, when the newest map does not name it. */
  lost(): JoinError {
    const { nickname, networkId } = this.#parts.entered;
    return new JoinError(
      `${nickname} is no volcano of network ${networkId} any more: it has left, or was declared dead while it was away, and what lies in its data directory is of no use there. ` +
        'Cure: set that directory aside, and start with an empty one, through another volcano (-r)',
    );
  }
}
