import type { Asker, DiskResult, Generator, LoadResult } from './generator.ts';
import { operationOf, type Transport } from './operations.ts';
import type { Options } from './options.ts';
import { freePort } from './ports.ts';
import { type NfsServer, Server, startNfsServer } from './server.ts';

/** How long the echo server is measured each time, and the disk in each way. */
const UNIT_SECONDS = 1;
const DISK_SECONDS = 0.5;
const UNIT_CONNECTIONS = 4;
const UNIT_WINDOW = 16;
/** How long it may be asked at a steady rate. */
const ASK_SECONDS = 3600;

/** One run of one operation against one server. */
export interface Row {
  readonly server: string;
  readonly operation: string;
  readonly transport: Transport;
  readonly window: number;
  readonly connections: number;
  readonly result: LoadResult;
}

/** All that a benchmark measured. */
export interface Measurements {
  /** CPU microseconds of the echo server for a call over UDP: one figure an operation, in the order of the run. */
  readonly units: readonly number[];
  /** What the disk allows; empty when no operation writes. */
  readonly disk: readonly DiskResult[];
  readonly rows: readonly Row[];
}

/** One load to be run. */
export interface Step {
  readonly operation: string;
  readonly transport: Transport;
  readonly window: number;
  readonly connections: number;
}

/** The loads of a benchmark, in order. At window 1 there is one connection: one call at a time. */
export function stepsOf(options: Pick<Options, 'operations' | 'transports' | 'windows' | 'connections'>): Step[] {
  const { operations, transports, windows, connections } = options;
  return operations.flatMap((operation) =>
    windows.flatMap((window) =>
      transports.map((transport) => ({ operation, transport, window, connections: window === 1 ? 1 : connections })),
    ),
  );
}

/** The load generator's options for a step. */
export function loadArguments(step: Step, warmup: number): string[] {
  const { operation, transport, window, connections } = step;
  return [
    ...['--op', operation, '--proto', transport, '--conns', String(connections), '--window', String(window)],
    ...['--warmup', String(warmup)],
    ...(operationOf(operation)?.load ?? []),
  ];
}

/** Runs one step against a server. */
export function runStep(generator: Generator, server: NfsServer, step: Step, options: Options): Promise<LoadResult> {
  server.process.resetPeak();
  const args = [...loadArguments(step, options.warmup), ...server.where, '--server-pid', server.process.pids.join(',')];
  return generator.load(args, options.seconds);
}

/** The echo server, which gives the unit. */
export class Echo {
  readonly #generator: Generator;
  readonly #server: Server;
  readonly #port: number;

  private constructor(generator: Generator, server: Server, port: number) {
    this.#generator = generator;
    this.#server = server;
    this.#port = port;
  }

  static async start(generator: Generator, core: number, log: string): Promise<Echo> {
    const port = await freePort();
    const command = `exec ${generator.echoCommand(port)}`;
    return new Echo(
      generator,
      await Server.start({ name: 'the echo server', command, core, ports: [port], log }),
      port,
    );
  }

  /** CPU microseconds for a call over UDP, now. */
  async unit(): Promise<number> {
    const where = ['--port', String(this.#port), '--server-pid', this.#server.pids.join(',')];
    const step: Step = { operation: 'null', transport: 'udp', window: UNIT_WINDOW, connections: UNIT_CONNECTIONS };
    return (await this.#generator.load([...loadArguments(step, 0.3), ...where], UNIT_SECONDS)).serverCpu ?? Number.NaN;
  }

  /** Begins to ask it NULL over UDP at a steady rate. */
  ask(rate: number): Asker {
    const args = ['--op', 'null', '--proto', 'udp', '--rate', String(rate), '--window', '4096', '--warmup', '0'];
    return this.#generator.ask([...args, '--port', String(this.#port)], ASK_SECONDS);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

const CHANGING: ReadonlySet<string> = new Set(['write', 'create', 'remove', 'rename', 'mkdir', 'symlink', 'mix']);

/** Measures everything that the options ask for. `tell` hears of each row. */
export async function measure(
  options: Options,
  generator: Generator,
  directory: string,
  tell: (row: Row) => void,
): Promise<Measurements> {
  const rows: Row[] = [];
  const units: number[] = [];
  const core = options.cores.server;
  const changes = options.operations.some((name) => CHANGING.has(name));
  const disk = changes ? await generator.disk(directory, DISK_SECONDS) : [];
  const echo = await Echo.start(generator, core, `${directory}/echo.log`);
  const servers: NfsServer[] = [];
  try {
    servers.push(await startNfsServer(options.server, directory, core));
    if (options.vs !== null) servers.push(await startNfsServer(options.vs, directory, core));
    let last = '';
    for (const step of stepsOf(options)) {
      if (step.operation !== last) units.push(await echo.unit());
      last = step.operation;
      for (const server of servers) {
        const row = { ...step, server: server.choice.name, result: await runStep(generator, server, step, options) };
        rows.push(row);
        tell(row);
      }
    }
  } finally {
    await Promise.all([echo.stop(), ...servers.map(({ process }) => process.stop())]);
  }
  return { units, disk, rows };
}
