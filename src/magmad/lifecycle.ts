import { RulesError } from '../acl/problem.ts';
import type { Logger } from '../base/logger.ts';
import { UsageError } from './usage.ts';

/** What a process runs until it is told to stop. */
export interface Service {
  /** SIGHUP. Never rejects. */
  reload(): Promise<void>;
  /** Ends everything in order. */
  stop(): Promise<void>;
}

/** Milliseconds for an end in order; then the process ends anyway, as in a crash, with status 1. */
export const STOP_MAX_MS = 60_000;

/**
 * Runs a service until SIGTERM or SIGINT, and ends the process: status 0 after an end in order, 1 after a failure, which is logged. A signal that comes
 * while it starts ends the start (`start` is told by its signal), or is obeyed when it has started; a second one ends the process at once. Throws what the command line is to blame for.
 */
export async function run(start: (signal: AbortSignal) => Promise<Service>, log: Logger): Promise<never> {
  const told = Promise.withResolvers<string>();
  const starting = new AbortController();
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals++;
      if (signals > 1) end(log, 1, `${signal} once more: ended at once`);
      told.resolve(signal);
      starting.abort();
    });
  }
  let hangups = 0;
  let service: Service | undefined;
  process.on('SIGHUP', () => {
    hangups++;
    void service?.reload();
  });
  const die = (error: unknown): never => {
    log.fatal({ err: error }, `magmad cannot go on: ${messageOf(error)}`);
    process.exit(1);
  };
  const cannotStart = (error: unknown): never => {
    if (starting.signal.aborted) {
      log.info({}, 'stopped before it served');
      process.exit(0);
    }
    if (error instanceof UsageError || error instanceof RulesError || isMistake(error)) throw error;
    log.fatal({}, `magmad cannot start: ${messageOf(error)}`);
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  service = await start(starting.signal).catch(cannotStart);
  if (hangups > 0) void service.reload();
  const signal = await told.promise;
  log.info({ signal }, 'stopping: finishing what is in flight');
  setTimeout(() => end(log, 1, `not everything ended within ${STOP_MAX_MS} ms: ended at once`), STOP_MAX_MS).unref();
  await service.stop();
  log.info({}, 'stopped');
  process.exit(0);
}

function end(log: Logger, status: number, message: string): never {
  log.error({}, message);
  process.exit(status);
}

/** True for errors that only a mistake in the program can make: their stack is of use. */
function isMistake(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

/** An error's message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
