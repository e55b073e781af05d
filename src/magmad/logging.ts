import pino from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from '../base/logger.ts';
import type { DebugChannel } from '../console/parts.ts';
import type { LogLevel } from './config.ts';
import { RecentLines } from './recent-lines.ts';
import { DEBUG_CHANNELS } from './settings.ts';

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
  /** The last lines, an object of JSON each. */
  readonly recent: RecentLines;
  /** The channels of `--debug` as they are now. */
  channels(): readonly DebugChannel[];
  /** Has a channel log at level debug from now on, or only what `level` says. RangeError when there is none of that letter. */
  setDebug(letter: string, on: boolean): void;
  /** Called with the room whose channel is turned on or off, now and later. */
  onDebug(room: string, listener: (on: boolean) => void): void;
}

/** Opens the log. */
export function openLog(options: LogOptions): Log {
  const recent = new RecentLines();
  const to = destination(options);
  const kept: pino.DestinationStream = {
    write(line) {
      recent.add(line);
      to.write(line);
    },
  };
  const base = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: levelByName } },
    kept,
  );
  const debugged = new Set([...options.debug].map((letter) => DEBUG_CHANNELS.get(letter)?.room));
  const rooms = new Map<string, pino.Logger>();
  const listeners = new Map<string, ((on: boolean) => void)[]>();
  const isOn = (room: string): boolean => options.level === 'debug' || debugged.has(room);
  return {
    recent,
    room(name) {
      let room = rooms.get(name);
      if (room === undefined) {
        room = base.child({ room: name }, debugged.has(name) ? { level: 'debug' } : {});
        rooms.set(name, room);
      }
      return room;
    },
    channels: () => [...DEBUG_CHANNELS].map(([letter, { room, what }]) => ({ letter, room, what, on: isOn(room) })),
    setDebug(letter, on) {
      const room = DEBUG_CHANNELS.get(letter)?.room;
      if (room === undefined) throw new RangeError(`there is no channel ${letter}`);
      if (on) debugged.add(room);
      else debugged.delete(room);
      const logger = rooms.get(room);
      if (logger !== undefined) logger.level = isOn(room) ? 'debug' : options.level;
      for (const tell of listeners.get(room) ?? []) tell(isOn(room));
    },
    onDebug(room, listener) {
      listeners.set(room, [...(listeners.get(room) ?? []), listener]);
      listener(isOn(room));
    },
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
