import { createRequire } from 'node:module';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { batchedHost, type Host } from '../../base/net/batched/host.ts';
import { Watcher } from '../../base/net/batched/watch.ts';

/** What of the C library is needed here and Node does not have. Numbers below zero are errors; addresses are those of memory. */
export interface FuseHost {
  read(fd: number, to: number, bytes: number): number;
  fcntl(fd: number, command: number, value: number): number;
  socketpair(family: number, type: number, protocol: number, fds: Int32Array): number;
  recvmsg(fd: number, message: number, flags: number): number;
  /** `errno` of the call just made. */
  errno(): number;
  /** Where that memory lies. It must stay referenced for as long as C knows the address. */
  addressOf(memory: ArrayBufferLike): number;
}

const CALLS = [
  'intptr_t read(int fd, uintptr_t to, size_t bytes)',
  'int fcntl(int fd, int command, long value)',
  'int socketpair(int family, int type, int protocol, void *fds)',
  'intptr_t recvmsg(int fd, uintptr_t message, int flags)',
] as const;

let loaded: FuseHost | undefined;

/** The host's calls. Throws where koffi does not work. */
export function fuseHost(): FuseHost {
  if (loaded !== undefined) return loaded;
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(null);
  const calls = CALLS.map((text) => library.func(text)).map((call) => [call.info.name, call] as const);
  loaded = {
    ...(Object.fromEntries(calls) as unknown as FuseHost),
    errno: () => koffi.errno(),
    addressOf: (memory) => Number(koffi.address(memory)),
  };
  return loaded;
}

/** An error like those of Node's own calls. */
export function hostError(syscall: string, errno: number, place: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const error = new Error(`${syscall} ${code}: ${getSystemErrorMessage(-errno)} ${place}`);
  return Object.assign(error, { code, errno: -errno, syscall });
}

let watcher: Watcher | undefined;

/** Watches descriptors with the event loop of the main thread. Throws, with the reason, where that does not work. */
export function fuseWatcher(): Watcher {
  if (watcher !== undefined) return watcher;
  const host: Host | Error = batchedHost();
  if (host instanceof Error) throw new Error(`/dev/fuse cannot be waited for here: ${host.message}`, { cause: host });
  watcher = new Watcher(host);
  return watcher;
}
