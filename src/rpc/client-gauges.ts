import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeOldest } from '../base/oldest.ts';
import type { CallReport, RpcObserver, WaitingCall } from './observer.ts';
import type { Program } from './program.ts';

/** Clients that have a gauge at most; the one that came first gives way. */
export const GAUGES_MAX = 4096;
/** Calls of a client that are remembered, to know those that come again. */
export const CALLS_REMEMBERED = 128;
/** A call that comes again after longer than this is another one: U-Boot counts its xids from 1 at each boot (FIELD.md row 15). In milliseconds. */
export const AGAIN_MS = 60_000;
/** A sick client has one log line in this time, in milliseconds. */
export const WINDOW_MS = 10 * 60_000;
/** The most procedures that are told of one client. */
export const CLIENT_PROCEDURES_MAX = 16;
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
  /** How long ago it called last, and how long its oldest call waits that is not answered yet (0: none does), in milliseconds. */
  readonly quietMs: number;
  readonly stuckMs: number;
  /** What it has called how often, as `nfs READ`; the most frequent ones first, at most `CLIENT_PROCEDURES_MAX`. */
  readonly procedures: readonly ClientProcedure[];
}

/** What a client has called, and how often. */
export interface ClientProcedure {
  readonly procedure: string;
  readonly calls: number;
}

class Gauge {
  lastCall: number;
  /** By number of program, version and procedure. */
  readonly procedures = new Map<number, number>();
  /** Calls that wait for their answers, oldest first. */
  readonly waiting = new Set<WaitingCall>();
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
    this.lastCall = now;
  }

  /** Counts a call of a procedure that is known. */
  called(procedure: number): void {
    this.procedures.set(procedure, (this.procedures.get(procedure) ?? 0) + 1);
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

/** Program, version and procedure as one number: versions and procedures that are served are below 2^10. */
function procedureNumber({
  program,
  version,
  procedure,
}: Pick<CallReport, 'program' | 'version' | 'procedure'>): number {
  return version < 1024 && procedure < 1024 ? (program * 1024 + version) * 1024 + procedure : -1;
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
  /** Names of procedures, by number of program, version and procedure. */
  readonly #names = new Map<number, string>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #gauges = new Map<string, Gauge>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Counts the calls of that program by procedure from now on. */
  add({ number, name, versions }: Program): void {
    for (const [version, procedures] of versions)
      for (const [procedure, { name: called }] of procedures)
        this.#names.set(procedureNumber({ program: number, version, procedure }), `${name} ${called}`);
  }

  waits(call: WaitingCall): void {
    const { address } = call.client;
    (this.#gauges.get(address) ?? this.#begin(address, this.#clock.monotonic())).waiting.add(call);
  }

  waited(call: WaitingCall): void {
    this.#gauges.get(call.client.address)?.waiting.delete(call);
  }

  call(report: CallReport): void {
    const now = this.#clock.monotonic();
    const { address, port } = report.client;
    const gauge = this.#gauges.get(address) ?? this.#begin(address, now);
    gauge.calls += 1;
    gauge.lastCall = now;
    const procedure = procedureNumber(report);
    if (this.#names.has(procedure)) gauge.called(procedure);
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
    const now = this.#clock.monotonic();
    const all = [...this.#gauges].map(([client, gauge]) => {
      const { calls, retransmissions, duplicates, requestBytes, replyBytes } = gauge;
      const percent = lossPercent(gauge.lost, gauge.udpCalls);
      return {
        ...{ client, calls, retransmissions, duplicates, requestBytes, replyBytes },
        replayed: Math.max(0, gauge.lost),
        lossPercent: percent,
        sick: isSick(gauge.lost, percent),
        quietMs: Math.round(now - gauge.lastCall),
        stuckMs: Math.round(now - (gauge.waiting.values().next().value?.began ?? now)),
        procedures: this.#proceduresOf(gauge),
      };
    });
    return all.sort((one, other) => other.lossPercent - one.lossPercent);
  }

  #proceduresOf({ procedures }: Gauge): ClientProcedure[] {
    const all = [...procedures].map(([number, calls]) => ({ procedure: this.#names.get(number)!, calls }));
    return all.sort((one, other) => other.calls - one.calls).slice(0, CLIENT_PROCEDURES_MAX);
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
