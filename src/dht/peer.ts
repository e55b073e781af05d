import type { Clock } from '../base/clock.ts';
import type { Net } from '../base/net.ts';
import type { Random } from '../base/random.ts';
import type { FlareService } from '../flare/service.ts';
import type { FlareId } from '../flare/types.ts';
import { Link, type LinkFigures } from './link.ts';
import type { Owner } from './owners.ts';
import { RemoteService } from './programs/flare/remote-service.ts';
import { FLARE_REPLY_BYTES_MAX } from './programs/flare/schema.ts';
import { NodeClient } from './programs/node/client.ts';
import { checkHello, type Hello } from './programs/node/hello.ts';
import { NODE_REPLY_BYTES_MAX } from './programs/node/schema.ts';
import { DeniedError, type RpcCaller } from './programs/result.ts';
import type { Member, Projection } from './projection/types.ts';

/** What connections to other volcanos are made with. */
export interface PeerSurroundings {
  /** How others are reached: with the network's secrets. */
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** What this volcano says of itself, as of now. */
  readonly hello: () => Hello;
  /** Another volcano has said hello. */
  readonly greeted?: (theirs: Hello) => void;
  /** The newest projection that is known here. */
  readonly projection: () => Projection | null;
  readonly root: () => FlareId;
  /** Told of each epoch that another volcano says the map is at. */
  readonly refreshed: (epoch: number) => void;
}

/** Another volcano: one connection for its node program, one for its flare program. */
export class Peer {
  readonly member: Member;
  readonly node: NodeClient;
  readonly service: FlareService;
  readonly #node: Link;
  readonly #flare: Link;
  readonly #surroundings: PeerSurroundings;

  constructor(member: Member, surroundings: PeerSurroundings) {
    const { net, clock, random, projection, root, refreshed } = surroundings;
    const { nickname: name, addresses, nodePort, flarePort } = member;
    const at = (port: number) => addresses.map((address) => ({ address, port }));
    const epoch = (): number => projection()?.epoch ?? 0;
    this.member = member;
    this.#surroundings = surroundings;
    this.#node = new Link({
      ...{ net, clock, random, name },
      to: at(nodePort),
      replyBytes: NODE_REPLY_BYTES_MAX,
      greet: (caller) => this.#greet(caller),
    });
    this.#flare = new Link({ net, clock, random, name, to: at(flarePort), replyBytes: FLARE_REPLY_BYTES_MAX });
    this.node = new NodeClient(this.#node, epoch, refreshed);
    this.service = new RemoteService({ caller: this.#flare, root: root(), epoch, refreshed });
  }

  /** It, as the owner of a slice. */
  owner(slice: number): Owner {
    return { id: this.member.id, service: this.service, joint: this.node.joint(slice) };
  }

  get figures(): { readonly node: LinkFigures; readonly flare: LinkFigures } {
    return { node: this.#node.figures, flare: this.#flare.figures };
  }

  /** Calls that wait are waited for no longer; later ones are made over new connections. */
  giveUp(): void {
    this.#node.giveUp();
    this.#flare.giveUp();
  }

  async close(): Promise<void> {
    await Promise.all([this.#node.close(), this.#flare.close()]);
  }

  async #greet(caller: RpcCaller): Promise<void> {
    const { clock, hello, greeted, projection } = this.#surroundings;
    const mine = hello();
    const earliest = clock.now();
    const theirs = await new NodeClient(caller, () => mine.epoch).hello(mine);
    checkHello(mine, theirs, { earliest, latest: clock.now() }, projection());
    if (theirs.id !== this.member.id) {
      throw new DeniedError(
        `${theirs.nickname} (${theirs.id}) answers where ${this.member.nickname} (${this.member.id}) should be`,
      );
    }
    greeted?.(theirs);
  }
}
