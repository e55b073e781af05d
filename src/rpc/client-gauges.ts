import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeOldest } from '../base/oldest.ts';
import type { CallReport, RpcObserver } from './observer.ts';

/** Clients that have a gauge at most; the one that came first gives way. */
export const GAUGES_MAX = 4096;
/** Calls of a client that are remembered, to know those that come again. */
export const CALLS_REMEMBERED = 128;
/** A call that comes again after longer than this is another one: U-Boot counts its xids from 1 at each boot (FIELD.md row 15). In milliseconds. */
export const AGAIN_MS = 60_000;
/** A sick client has one log line in this time, in milliseconds. */
export const WINDOW_MS = 10 * 60_000;
/** In that time so many calls must have come again before it is worth a line. */
export const AGAIN_LEAST = 10;
/** And this share of them, in percent. */
export const LOSS_LEAST_PERCENT = 0.1;

/** What is known of one client, since its first call. */
export interface ClientFigures {
  readonly client: string;
  readonly calls: number;
  /** UDP calls that came again: their request or its reply was lost, or the answer was late. */
  readonly retransmissions: number;
  /** Calls that came again while the first was under way: the server was late, the network was not at fault. */
  readonly duplicates: number;
  /** The other ones: they got their answer once more. */
  readonly replayed: number;
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** About how many of its packets get lost, in percent: as many as of the replies, each of which has its call come again. A call that is lost on its way here is never seen. */
  readonly lossPercent: number;
  /** So many get lost that people are to know: at least `AGAIN_LEAST` calls, and `LOSS_LEAST_PERCENT`. */
  readonly sick: boolean;
}

class Gauge {
  calls = 0;
  udpCalls = 0;
  retransmissions = 0;
  duplicates = 0;
  requestBytes = 0;
  replyBytes = 0;
  /** Where the window began, and what had been counted then. */
  windowStart: number;
  windowCalls = 0;
  windowLost = 0;
  told = false;
  readonly #calls = new Float64Array(CALLS_REMEMBERED);
  readonly #times = new Float64Array(CALLS_REMEMBERED);
  #next = 0;

  constructor(now: number) {
    this.windowStart = now;
  }

  get lost(): number {
    return this.retransmissions - this.duplicates;
  }

  /** Counts a UDP call; true when it came before. */
  again(xid: number, port: number, now: number): boolean {
    // Port and xid together are below 2^48, which a double holds exactly; 0 is an empty place.
    const call = port * 0x1_0000_0000 + xid;
    const place = this.#calls.indexOf(call);
    if (place >= 0) {
      const since = now - this.#times[place]!;
      this.#times[place] = now;
      return since <= AGAIN_MS;
    }
    this.#calls[this.#next] = call;
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % CALLS_REMEMBERED;
    return false;
  }
}

function lossPercent(lost: number, calls: number): number {
  return calls === 0 ? 0 : Math.round((Math.max(0, lost) / calls) * 10_000) / 100;
}

function isSick(lost: number, percent: number): boolean {
  return lost >= AGAIN_LEAST && percent >= LOSS_LEAST_PERCENT;
}

/**
 * Counts what each client calls and calls again, and says so in the log when a client's network loses packets: nothing else tells the people there
 * why their boots take a night (FIELD.md row 20).
 */
export class ClientGauges implements RpcObserver {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #gauges = new Map<string, Gauge>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  call(report: CallReport): void {
    const now = this.#clock.monotonic();
    const { address, port } = report.client;
    const gauge = this.#gauges.get(address) ?? this.#begin(address, now);
    gauge.calls += 1;
    gauge.requestBytes += report.requestBytes;
    gauge.replyBytes += report.replyBytes;
    if (report.transport !== 'udp' || report.outcome === 'OVERLOAD') return;
    gauge.udpCalls += 1;
    if (!gauge.again(report.xid, port, now)) return;
    gauge.retransmissions += 1;
    if (report.outcome === 'DUPLICATE') gauge.duplicates += 1;
    this.#consider(address, gauge, now);
  }

  /** All clients that have called, those whose networks lose most first. */
  figures(): ClientFigures[] {
    const all = [...this.#gauges].map(([client, gauge]) => {
      const { calls, retransmissions, duplicates, requestBytes, replyBytes } = gauge;
      const percent = lossPercent(gauge.lost, gauge.udpCalls);
      return {
        ...{ client, calls, retransmissions, duplicates, requestBytes, replyBytes },
        replayed: Math.max(0, gauge.lost),
        lossPercent: percent,
        sick: isSick(gauge.lost, percent),
      };
    });
    return all.sort((one, other) => other.lossPercent - one.lossPercent);
  }

  #begin(address: string, now: number): Gauge {
    if (this.#gauges.size >= GAUGES_MAX) takeOldest(this.#gauges);
    const gauge = new Gauge(now);
    this.#gauges.set(address, gauge);
    return gauge;
  }

  #consider(address: string, gauge: Gauge, now: number): void {
    if (now - gauge.windowStart > WINDOW_MS) {
      gauge.windowStart = now;
      gauge.windowCalls = gauge.udpCalls;
      gauge.windowLost = gauge.lost;
      gauge.told = false;
    }
    if (gauge.told) return;
    const calls = gauge.udpCalls - gauge.windowCalls;
    const again = gauge.lost - gauge.windowLost;
    const percent = lossPercent(again, calls);
    if (!isSick(again, percent)) return;
    gauge.told = true;
    const fields = { client: address, calls, again, lossPercent: percent };
    this.#logger.warn(fields, `This client's network loses about ${percent} % of packets: its calls come again`);
  }
}
