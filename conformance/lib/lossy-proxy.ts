import { createSocket, type Socket } from 'node:dgram';
import type { Random } from '../../src/base/random.ts';
import type { Teardown } from './volcano.ts';

/** What happens to datagrams, in chances out of 1000. What the chances leave over passes untouched. */
export interface Weather {
  readonly dropCall?: number;
  readonly dropReply?: number;
  readonly duplicateCall?: number;
  /** The call passes, and a copy of it comes `lateMs` milliseconds later: a late duplicate. */
  readonly lateCopy?: number;
  readonly lateMs?: number;
}

/** A UDP relay in front of a server that loses, doubles and delays as a seed says. Each client keeps a port of its own behind it. */
export class LossyProxy {
  readonly port: number;
  readonly counts = { calls: 0, replies: 0, dropped: 0, duplicated: 0, late: 0 };
  readonly #front: Socket;
  readonly #backs = new Map<number, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #target: number;
  readonly #random: Random;
  /** May be changed while it runs. */
  weather: Weather;

  private constructor(front: Socket, target: number, random: Random, weather: Weather) {
    this.#front = front;
    this.port = front.address().port;
    this.#target = target;
    this.#random = random;
    this.weather = weather;
    front.on('message', (data, from) => this.#call(data, from.port));
  }

  /** Starts one on 127.0.0.1 in front of that port. */
  static start(t: Teardown, target: number, random: Random, weather: Weather): Promise<LossyProxy> {
    const front = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    return new Promise((resolve, reject) => {
      front.once('error', reject);
      front.bind(0, '127.0.0.1', () => {
        const proxy = new LossyProxy(front, target, random, weather);
        t.teardown(() => proxy.close());
        resolve(proxy);
      });
    });
  }

  /** True after all late copies have been delivered. */
  get calm(): boolean {
    return this.#timers.size === 0;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
    this.#backs.clear();
  }

  #happens(chance: number | undefined): boolean {
    return chance !== undefined && chance > 0 && this.#random.below(1000) < chance;
  }

  #call(data: Buffer, client: number): void {
    this.counts.calls++;
    if (this.#happens(this.weather.dropCall)) {
      this.counts.dropped++;
      return;
    }
    const back = this.#backFor(client);
    back.send(data, this.#target, '127.0.0.1');
    if (this.#happens(this.weather.duplicateCall)) {
      this.counts.duplicated++;
      back.send(data, this.#target, '127.0.0.1');
    }
    if (this.#happens(this.weather.lateCopy)) {
      this.counts.late++;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        back.send(data, this.#target, '127.0.0.1');
      }, this.weather.lateMs ?? 200);
      this.#timers.add(timer);
    }
  }

  #backFor(client: number): Socket {
    const known = this.#backs.get(client);
    if (known !== undefined) return known;
    const back = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    back.on('message', (reply) => {
      this.counts.replies++;
      if (this.#happens(this.weather.dropReply)) this.counts.dropped++;
      else this.#front.send(reply, client, '127.0.0.1');
    });
    back.on('error', () => {});
    this.#backs.set(client, back);
    return back;
  }
}
