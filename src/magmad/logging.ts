import pino from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from '../base/logger.ts';
import type { LogLevel } from './config.ts';
import { DEBUG_CHANNELS } from './settings.ts';

/** Whether any of these channels is to be logged. */
export function wantsDebug(
  { debug, logLevel }: { readonly debug: string; readonly logLevel: LogLevel },
  letters: string,
): boolean {
  return logLevel === 'debug' || [...letters].some((letter) => debug.includes(letter));
}

/** How to log. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'pretty' | 'json';
  /** Letters of `DEBUG_CHANNELS`: rooms that log at level debug whatever `level` says. */
  readonly debug: string;
  /** The file descriptor written to; standard output when absent. */
  readonly descriptor?: number;
}

/** The log of one process. Lines are written before the call returns: a crash loses none. */
export interface Log {
  /** The logger of one room. */
  room(name: string): Logger;
}

/** Opens the log. */
export function openLog(options: LogOptions): Log {
  const base = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: levelByName } },
    destination(options),
  );
  const debugged = new Set([...options.debug].map((letter) => DEBUG_CHANNELS.get(letter)?.room));
  return {
    room: (name) => base.child({ room: name }, debugged.has(name) ? { level: 'debug' } : {}),
  };
}

const levelByName = (label: string): object => ({ level: label });

function destination(options: LogOptions): pino.DestinationStream {
  const to = pino.destination({ fd: options.descriptor ?? 1, sync: true });
  // Whoever read the log may be gone (a closed pipe, a full disk): that is no reason to stop serving.
  to.on('error', () => {});
  if (options.format === 'json') return to;
  return pretty({
    destination: to,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'room,pid',
    singleLine: true,
    messageFormat: '{if room}{room}: {end}{msg}',
    colorize: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  });
}
