import { createRequire } from 'node:module';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** Tells the service manager how this process fares (sd_notify(3)). Never throws: the manager may be gone. */
export interface ServiceManager {
  /** Everything is served. */
  ready(status: string): void;
  /** The rules are being read again; `ready` ends it. */
  reloading(): void;
  /** The end has begun. */
  stopping(): void;
  /** Begins to answer the manager's watchdog, as long as `healthy` says so; nothing when the manager has none. */
  watch(clock: Clock, healthy: () => boolean): void;
  close(): void;
}

const none: ServiceManager = {
  ready: () => {},
  reloading: () => {},
  stopping: () => {},
  watch: () => {},
  close: () => {},
};

/** The longest address of a UNIX socket, in bytes (unix(7), `sun_path`). */
const PATH_MAX = 108;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;

/**
 * The manager that `NOTIFY_SOCKET` names, by path or, with a leading `@`, in the abstract name space. One that does nothing when the variable is
 * not set or the socket cannot be used, which is logged. Takes the variables out of `environment`, so that no child claims to be this process.
 */
export function serviceManager(
  environment: Record<string, string | undefined>,
  pid: number,
  log: Logger,
): ServiceManager {
  const name = environment.NOTIFY_SOCKET;
  const period = watchdogMilliseconds(environment, pid);
  delete environment.NOTIFY_SOCKET;
  delete environment.WATCHDOG_USEC;
  delete environment.WATCHDOG_PID;
  if (name === undefined || name === '') return none;
  try {
    return new Notifier(openSocket(socketAddress(name)), period, log);
  } catch (error) {
    log.warn(
      { socket: name, error: (error as Error).message },
      'cannot tell the service manager how this process fares',
    );
    return none;
  }
}

/** How often the watchdog is answered: half of what the manager allows; null when it asks for nothing. */
function watchdogMilliseconds(environment: Record<string, string | undefined>, pid: number): number | null {
  const { WATCHDOG_USEC: allowed, WATCHDOG_PID: whom } = environment;
  if (allowed === undefined || !/^[1-9][0-9]{0,15}$/.test(allowed)) return null;
  if (whom !== undefined && whom !== `${pid}`) return null;
  return Math.min(Number(allowed) / 2000, 2 ** 31 - 1);
}

class Notifier implements ServiceManager {
  readonly #socket: DatagramSender;
  readonly #period: number | null;
  readonly #log: Logger;
  #timer: Timer | undefined;

  constructor(socket: DatagramSender, period: number | null, log: Logger) {
    this.#socket = socket;
    this.#period = period;
    this.#log = log;
  }

  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status.replaceAll('\n', ' ')}`);
  }

  reloading(): void {
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#send('STOPPING=1\nSTATUS=finishing what is in flight');
  }

  watch(clock: Clock, healthy: () => boolean): void {
    const period = this.#period;
    if (period === null) return;
    const beat = (): void => {
      if (healthy()) this.#send('WATCHDOG=1');
      this.#timer = clock.after(period, beat);
    };
    beat();
  }

  close(): void {
    this.#timer?.cancel();
    this.#socket.close();
  }

  #send(state: string): void {
    const error = this.#socket.send(Buffer.from(state));
    if (error !== 0) this.#log.warn({ errno: error, state }, 'the service manager could not be told');
  }
}

interface DatagramSender {
  /** Zero, or the host's errno. */
  send(data: Buffer): number;
  close(): void;
}

/** `struct sockaddr_un` for that name: the path ends with NUL, an abstract name begins with one and has no end but the length. */
function socketAddress(name: string): Buffer {
  const abstract = name.startsWith('@');
  if (!abstract && !name.startsWith('/')) throw new Error('only paths and abstract names (@...) are supported');
  const bytes = Buffer.from(name);
  if (bytes.length >= PATH_MAX) throw new Error(`its name is longer than ${PATH_MAX - 1} bytes`);
  if (abstract) bytes[0] = 0;
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  return Buffer.concat(abstract ? [family, bytes] : [family, bytes, Buffer.alloc(1)]);
}

/** Node has no datagram sockets of the UNIX family, so the C library is called. */
function openSocket(address: Buffer): DatagramSender {
  // Loaded here, because a process that no service manager started needs none of it.
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendto = libc.func(
    'intptr_t sendto(int fd, void *data, size_t length, int flags, void *address, unsigned int size)',
  );
  const close = libc.func('int close(int fd)');
  const descriptor: number = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) throw new Error(`no socket, errno ${koffi.errno()}`);
  return {
    send: (data) => {
      const sent = sendto(descriptor, data, data.length, MSG_DONTWAIT_NOSIGNAL, address, address.length);
      return Number(sent) < 0 ? koffi.errno() : 0;
    },
    close: () => {
      close(descriptor);
    },
  };
}
