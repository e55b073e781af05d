import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import * as layout from './layout.ts';

/** The C library's calls on datagram sockets and libuv's on poll handles. Numbers below zero are errors; addresses are those of memory. */
export interface Host {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, name: Uint32Array, bytes: number): number;
  close(fd: number): number;
  getsockname(fd: number, name: Uint32Array, bytes: Uint32Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint32Array, bytes: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint32Array, bytes: Uint32Array): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  /** 0 when there is no interface of that name. */
  if_nametoindex(name: string): number;
  uv_default_loop(): number;
  uv_handle_size(type: number): number;
  uv_handle_type_name(type: number): string | null;
  uv_poll_init(loop: number, handle: number, fd: number): number;
  uv_poll_start(handle: number, events: number, callback: unknown): number;
  uv_close(handle: number, callback: unknown): void;
  /** `errno` of the call just made. */
  errno(): number;
  /** Where that memory lies. It must stay referenced for as long as C knows the address: the collector does not move it, but frees it. */
  addressOf(memory: ArrayBuffer): number;
  /** Makes a function callable as a `uv_poll_cb`, or as a `uv_close_cb`, for good. */
  pollCallback(call: (handle: number, status: number, events: number) => void): unknown;
  closeCallback(call: (handle: number) => void): unknown;
}

const CALLS = [
  'int socket(int family, int type, int protocol)',
  'int bind(int fd, const void *name, unsigned int bytes)',
  'int close(int fd)',
  'int getsockname(int fd, void *name, void *bytes)',
  'int setsockopt(int fd, int level, int option, const void *value, unsigned int bytes)',
  'int getsockopt(int fd, int level, int option, void *value, void *bytes)',
  'int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)',
  'int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)',
  'unsigned int if_nametoindex(const char *name)',
  'uintptr_t uv_default_loop()',
  'size_t uv_handle_size(int type)',
  'const char *uv_handle_type_name(int type)',
  'int uv_poll_init(uintptr_t loop, uintptr_t handle, int fd)',
  'int uv_poll_start(uintptr_t handle, int events, void *callback)',
  'void uv_close(uintptr_t handle, void *callback)',
] as const;

function load(): Host {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  // The process itself: Node exports its libuv for addons, and the C library comes with it.
  const library = koffi.load(null);
  const calls = CALLS.map((text) => library.func(text)).map((call) => [call.info.name, call] as const);
  const poll = koffi.proto('void', ['uintptr_t', 'int', 'int']);
  const closed = koffi.proto('void', ['uintptr_t']);
  return {
    ...(Object.fromEntries(calls) as unknown as Host),
    errno: () => koffi.errno(),
    addressOf: (memory) => Number(koffi.address(memory)),
    pollCallback: (call) => koffi.register(call, koffi.pointer(poll)),
    closeCallback: (call) => koffi.register(call, koffi.pointer(closed)),
  };
}

/** Throws an error like those of `node:dgram` for the call just made. */
export function fail(host: Host, syscall: string, place: string): never {
  const number = -host.errno();
  const code = getSystemErrorName(number);
  const error = new Error(`${syscall} ${code}: ${getSystemErrorMessage(number)} ${place}`);
  throw Object.assign(error, { code, errno: number, syscall });
}

/** Tries what everything rests on, so that a host that lacks it (a sandbox, an emulator) is found out before it serves. */
function probe(host: Host): void {
  const fd = host.socket(layout.AF[4], layout.SOCK_DGRAM, 0);
  if (fd < 0) fail(host, 'socket', '');
  try {
    const on = new Uint32Array([1]);
    if (host.setsockopt(fd, layout.IPPROTO_IP, layout.IP_PKTINFO, on, 4) < 0) fail(host, 'setsockopt', 'IP_PKTINFO');
    if (host.recvmmsg(fd, 0, 0, layout.MSG_DONTWAIT, 0) < 0 && host.errno() !== 11) fail(host, 'recvmmsg', '');
    if (host.sendmmsg(fd, 0, 0, layout.MSG_DONTWAIT) < 0) fail(host, 'sendmmsg', '');
  } finally {
    host.close(fd);
  }
}

function open(): Host {
  const { platform, arch } = process;
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64') || endianness() !== 'LE')
    throw new Error(`${platform} on ${arch} is not supported, only Linux on x64 and arm64`);
  if (!isMainThread) throw new Error('only the main thread has the loop that is known by name');
  const host = load();
  if (host.uv_handle_type_name(layout.UV_POLL) !== 'poll') throw new Error('this libuv numbers its handles otherwise');
  probe(host);
  return host;
}

let opened: Host | Error | undefined;

/** The host's calls, or an error that says why there are none here. Looked for once. */
export function batchedHost(): Host | Error {
  if (opened === undefined) {
    try {
      opened = open();
    } catch (error) {
      opened = error instanceof Error ? error : new Error(String(error));
    }
  }
  return opened;
}
