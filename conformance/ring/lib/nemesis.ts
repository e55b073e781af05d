import type { Random } from '../../../src/base/random.ts';
import { KEEPER_BACK_US, makeWell } from './recovery.ts';
import type { RegisterTrouble } from './shared-register.ts';
import type { MessageKind, MessageMoment, Trouble, World } from './world.ts';

/** The room on a disk that is nearly full is of this order: what volcanos here keep in reserve. */
const FULL_BYTES = 32 * 1024;

/** Clocks are set by up to 2^(6 + this) ms, 8.7 minutes: replays are kept for 10, by the clock. */
const JUMP_BITS = 13;

/** The most bits of one log that turn over at a time. */
const ROTTEN_MAX = 400;

/** What a process has written is with its host after so long, in microseconds. */
const HAND_US = 50;

/** Everything that goes wrong in a run, decided by chance at its beginning and as it goes on. */
export class Nemesis {
  readonly #world: World;
  readonly #random: Random;
  #stopped = false;
  /** What was done, in words. */
  readonly deeds: string[] = [];
  crashes = 0;
  /** Volcanos that nobody starts again for a while. */
  readonly #down = new Set<number>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  begin(): void {
    const random = this.#random;
    const world = this.#world;
    const { network, troubles } = world;
    world.setMood({
      delayMs: [0.2, 1, 3, 10][random.below(4)]!,
      late: random.below(3) === 0 ? 1 + random.below(30) : 0,
      lost: random.below(3) === 0 ? 1 + random.below(40) : 0,
      doubled: random.below(3) === 0 ? 1 + random.below(200) : 0,
    });
    if (troubles.includes('crashAtPacket') && random.below(3) === 0) world.setMood({ broken: 1 + random.below(10) });
    this.deeds.push(`network ${JSON.stringify(network)}`);
    const deeds = random.below(8) === 0 ? 0 : 1 + random.below(world.deedsMax);
    for (let count = 0; count < deeds; count++) this.#plan();
    for (let at = 0; at < world.count; at++) if (world.process(at) === null) this.#join(at);
    this.#revive();
  }

  #plan(): void {
    const plans: { readonly [T in Trouble]: () => void } = {
      crashAtTime: () => this.#crashAtTime(),
      crashAtJoint: () => this.#crashAtMessage('joint'),
      crashAtCall: () => this.#crashAtMessage(this.#random.below(2) === 0 ? 'client' : 'service'),
      crashAtMirror: () => this.#crashAtMessage('mirror'),
      crashAtPacket: () => this.#crashAtMessage('packet'),
      crashAtDiskStep: () => this.#crashAtDiskStep(),
      slowDisk: () => this.#slowDisk(),
      part: () => this.#part(),
      isolate: () => this.#isolate(),
      partOneWay: () => this.#part(true),
      hang: () => this.#hang(),
      hangAsking: () => this.#hangAsking(),
      crashAhead: () => this.#crashAhead(),
      leaveBehind: () => this.#leaveBehind(),
      registerAway: () => this.#registerAway(),
      clockJump: () => this.#clockJump(),
      fullDisk: () => this.#fullDisk(),
      failedSync: () => this.#failedSync(),
      rot: () => this.#rot(),
      takeover: () => this.#takeOver(),
      leave: () => this.#leave(),
      join: () => this.#join(),
    };
    const { troubles } = this.#world;
    plans[troubles[this.#random.below(troubles.length)]!]();
  }

  /** Notes what is done now. */
  #tell(deed: string): void {
    this.deeds.push(`${this.#world.time.now} µs: ${deed}`);
  }

  /** Looks at each step of each message, after those who look already. */
  #atMoments(look: (moment: MessageMoment) => void): void {
    const before = this.#world.onMoment;
    this.#world.onMoment = (moment) => {
      before?.(moment);
      look(moment);
    };
  }

  #volcano(): number {
    return this.#random.below(this.#world.count);
  }

  #crash(at: number, when: string, dies?: 'power'): void {
    if (this.#stopped || this.#world.process(at) === null) return;
    const how = dies ?? (this.#random.below(4) === 0 ? 'killed' : 'power');
    this.#tell(`volcano ${at} dies (${how}) ${when}`);
    this.crashes++;
    this.#world.crash(at, how);
  }

  #after(milliseconds: number, deed: () => void): void {
    this.#world.time.after(this.#random.below(milliseconds * 1000), () => {
      if (!this.#stopped) deed();
    });
  }

  #crashAtTime(): void {
    const at = this.#volcano();
    this.#after(150, () => this.#crash(at, 'at a moment of chance'));
  }

  #crashAtMessage(kind: MessageKind): void {
    // Early ones as often as late ones: a run has a few dozen steps of some kinds, and hundreds of others.
    const nth = 1 + this.#random.below(2 ** (3 + this.#random.below(7)));
    let count = 0;
    this.#atMoments((moment) => {
      if (moment.kind === kind && ++count === nth) {
        this.#crash(moment.at, `at ${kind} message step ${nth}, ${moment.stage}`);
      }
    });
  }

  #crashAtDiskStep(): void {
    const at = this.#volcano();
    const cut = (): void => {
      const process = this.#world.process(at);
      if (process === null) return;
      const step = process.disk.steps + this.#random.below(80);
      this.#tell(`the power of volcano ${at} goes at disk step ${step}`);
      process.disk.stopAt(step);
    };
    this.#after(120, cut);
  }

  #slowDisk(): void {
    const at = this.#volcano();
    this.#after(100, () => {
      const disk = this.#world.process(at)?.disk;
      if (disk === undefined) return;
      const { delays } = disk;
      const slow = this.#random.below(3) === 0 ? 1000 + this.#random.below(2000) : 5 + this.#random.below(120);
      this.#tell(`the disk of volcano ${at} takes ${slow} ms a sync`);
      disk.delays = { ...delays, sync: slow, write: slow / 4 };
      // It may have got another life meanwhile.
      this.#world.time.after(this.#random.below(2_000_000), () => {
        for (const one of [disk, this.#world.process(at)?.disk]) if (one !== undefined) one.delays = delays;
      });
    });
  }

  /** A volcano does not run for a while, which it only sees when it looks at the clock. */
  #hang(): void {
    const at = this.#volcano();
    this.#after(2000, () => {
      const milliseconds = 100 * 2 ** this.#random.below(7) + this.#random.below(1000);
      this.#tell(`volcano ${at} hangs for ${milliseconds} ms`);
      this.#world.hang(at, milliseconds);
    });
  }

  /**
   * A volcano stops when it has just asked for a lease: the answer, and what others ask meanwhile, lies there when it goes on. Sometimes it cannot reach the others then, but
   * clients reach it.
   */
  #hangAsking(): void {
    const nth = 1 + this.#random.below(2 ** (1 + this.#random.below(6)));
    // When it goes on it still waits for the answer, or others have just taken over, or are about to.
    const short = this.#random.below(3) > 0;
    const share = short ? 0.15 + this.#random.below(100) / 800 : 0.6 + this.#random.below(100) / 150;
    const milliseconds = Math.round(this.#world.failoverMs * share);
    let count = 0;
    this.#atMoments((moment) => {
      // Nobody takes over from who arbitrates.
      const { arbiter } = this.#world;
      if (this.#stopped || moment.kind !== 'lease' || moment.at === arbiter || ++count !== nth) return;
      this.#tell(`volcano ${moment.at} hangs for ${milliseconds} ms when it asks for a lease`);
      // The question has left by then.
      this.#world.time.after(HAND_US, () => this.#world.hang(moment.at, milliseconds));
      if (!short && this.#random.below(3) === 0) return;
      this.#world.time.after(20_000 + this.#random.below(50_000), () =>
        this.#cutOff(moment.at, 2 * this.#world.failoverMs),
      );
    });
  }

  #part(oneWay = false): void {
    const one = this.#volcano();
    const other = (one + 1 + this.#random.below(Math.max(1, this.#world.count - 1))) % this.#world.count;
    if (one === other) return;
    this.#after(120, () => {
      this.#tell(`volcanos ${one} and ${other} are parted${oneWay ? ', one way' : ''}`);
      this.#world.part(one, other, true, oneWay);
      this.#after(4000, () => this.#world.part(one, other, false));
    });
  }

  /** One volcano is cut off from all others. */
  #isolate(): void {
    const one = this.#volcano();
    this.#after(500, () => this.#cutOff(one, this.#random.below(20_000)));
  }

  #cutOff(one: number, milliseconds: number): void {
    if (this.#stopped) return;
    const { count, time } = this.#world;
    const all = (parted: boolean): void => {
      for (let other = 0; other < count; other++) if (other !== one) this.#world.part(one, other, parted);
    };
    this.#tell(`volcano ${one} is cut off`);
    all(true);
    time.after(milliseconds * 1000, () => this.#stopped || all(false));
  }

  /**
   * The power of a primary goes when a mirror has taken records of it, which its own disk may not have; it soon comes back, and sometimes cannot reach that mirror for a
   * while.
   */
  #crashAhead(): void {
    const nth = 1 + this.#random.below(2 ** (1 + this.#random.below(7)));
    const when = this.#random.below(3) === 0 ? 'answered' : 'arrived';
    let count = 0;
    this.#atMoments((moment) => {
      const { kind, stage, at, by } = moment;
      if (this.#stopped || kind !== 'mirror' || stage !== when || by === undefined || ++count !== nth) return;
      this.#crash(by, `when volcano ${at} gets its records, ${nth}`, 'power');
      this.#after(60, () => this.#world.start(by));
      if (this.#random.below(2) === 0) return;
      this.#tell(`volcanos ${at} and ${by} are parted`);
      this.#world.part(at, by, true);
      this.#after(2000, () => this.#world.part(at, by, false));
    });
  }

  /** A primary is cut off from all others, but not from clients, when it is about to send a mirror records: nobody gets these, nor what it goes on to write. Sometimes it dies, too. */
  #leaveBehind(): void {
    const nth = 1 + this.#random.below(2 ** (2 + this.#random.below(6)));
    const { failoverMs, time } = this.#world;
    let count = 0;
    this.#atMoments((moment) => {
      const { kind, stage, at } = moment;
      // Nobody takes over from who arbitrates.
      const { arbiter } = this.#world;
      if (this.#stopped || kind !== 'mirror' || stage !== 'sent' || at === arbiter || ++count !== nth) return;
      this.#cutOff(at, failoverMs / 4 + this.#random.below(3 * failoverMs));
      if (this.#random.below(3) > 0) return;
      time.after(this.#random.below(failoverMs * 1000), () => this.#crash(at, 'cut off'));
    });
  }

  /** The maps cannot be reached, or what is asked of them is done and not answered; by all, or by one. */
  #registerAway(): void {
    const { register, count, time } = this.#world;
    if (register === null) return;
    const one = this.#random.below(2) === 0 ? this.#volcano() : null;
    const trouble = (['away', 'deaf', 'deaf', 'refused'] as const)[this.#random.below(4)]!;
    const milliseconds = 100 * 2 ** this.#random.below(8);
    this.#after(4000, () => {
      this.#tell(`the register is ${trouble} for ${one === null ? 'all' : `volcano ${one}`}, ${milliseconds} ms`);
      const all = (what: RegisterTrouble | null): void => {
        for (let at = 0; at < count; at++) if (one === null || at === one) register.trouble(at, what);
      };
      all(trouble);
      time.after(milliseconds * 1000, () => all(null));
    });
  }

  /** Somebody sets a volcano's clock wrong, and right again after a while. */
  #clockJump(): void {
    const at = this.#volcano();
    const milliseconds = 2 ** (7 + this.#random.below(JUMP_BITS)) * (this.#random.below(2) === 0 ? -1 : 1);
    this.#after(2000, () => {
      this.#tell(`the clock of volcano ${at} is set by ${milliseconds} ms`);
      this.#world.setClock(at, milliseconds);
      this.#after(4000, () => this.#world.setClock(at, 0));
    });
  }

  /** Somebody else fills a volcano's disk, sometimes to the last byte. */
  #fullDisk(): void {
    const at = this.#volcano();
    const room = this.#random.below(this.#random.below(3) === 0 ? 2 * FULL_BYTES : 6 * FULL_BYTES);
    this.#after(1000, () => {
      if (this.#world.process(at) === null) return;
      this.#tell(`the disk of volcano ${at} has ${room} bytes left`);
      this.#world.leaveRoom(at, room);
      this.#after(4000, () => this.#world.leaveRoom(at, Number.POSITIVE_INFINITY));
    });
  }

  /** A sync of a volcano's disk fails; what was to be synced is lost. It is started again on that disk, after a while. */
  #failedSync(): void {
    const at = this.#volcano();
    this.#after(1500, () => {
      if (this.#world.process(at) === null) return;
      this.#tell(`the next sync of volcano ${at} fails`);
      this.#world.failSync(at);
      this.#after(8000, () => this.#crash(at, 'after its sync had failed', 'power'));
    });
  }

  /** Who keeps the maps dies, and the operator has another one do so; he may be interrupted, and that volcano may come back at any time. */
  #takeOver(): void {
    this.#after(1500, () => {
      const { arbiter, failoverMs, time } = this.#world;
      if (arbiter === -1) return;
      if (this.#down.has(arbiter)) return;
      this.#crash(arbiter, 'and keeps the maps', 'power');
      this.#down.add(arbiter);
      time.after(this.#random.below(2 * KEEPER_BACK_US), () => this.#down.delete(arbiter));
      time.after(this.#random.below(failoverMs * 500), () => {
        if (this.#stopped) return;
        this.#tell(`the operator has another volcano keep the maps`);
        this.#world.takeOver(true);
      });
    });
  }

  /** A volcano is told to leave, and sometimes called back; who has left comes back as a new one. */
  #leave(): void {
    const at = this.#volcano();
    this.#after(3000, () => {
      this.#tell(`volcano ${at} is told to leave`);
      this.#world.leave(at, true);
      if (this.#random.below(3) > 0) return;
      this.#after(1000, () => {
        this.#tell(`volcano ${at} is told to stay`);
        this.#world.leave(at, false);
      });
    });
  }

  /** A volcano dies and comes back, and bits of its log have turned over. */
  #rot(): void {
    const at = this.#volcano();
    this.#after(3000, () => {
      this.#crash(at, 'and its log rots', 'power');
      const places: string[] = [];
      for (let count = this.#random.below(ROTTEN_MAX); count >= 0; count--) {
        const place = this.#world.rot(at, this.#random);
        if (place !== null) places.push(place);
      }
      if (places.length > 0)
        this.deeds.push(
          `the log of volcano ${at} is damaged at ${places.slice(0, 20).join(', ')}${places.length > 20 ? `, and ${places.length - 20} more places` : ''}`,
        );
      this.#after(200, () => this.#world.start(at));
    });
  }

  /** One that is not there yet, or has died, comes. */
  #join(at = this.#volcano()): void {
    this.#after(300, () => {
      if (this.#world.process(at) !== null || this.#down.has(at)) return;
      this.#tell(`volcano ${at} is started`);
      this.#world.start(at);
    });
  }

  /** Starts the dead again, after a while. */
  #revive(): void {
    this.#world.time.after(1000 + this.#random.below(40_000), () => {
      if (this.#stopped) return;
      for (let at = 0; at < this.#world.count; at++) {
        if (this.#world.process(at) === null && this.#random.below(8) === 0 && !this.#down.has(at))
          this.#world.start(at);
      }
      this.#revive();
    });
  }

  /** Lets everything be well from now on. */
  stop(): void {
    this.#stopped = true;
    makeWell(this.#world, this.#down, (deed) => this.#tell(deed));
  }
}
