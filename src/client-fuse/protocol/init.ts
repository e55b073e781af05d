import * as numbers from './numbers.ts';
import { Reply } from './reply.ts';
import type { Request } from './request.ts';

const { InitBit } = numbers;

/** The most bytes that the kernel writes, and reads, with one request. */
export const IO_MAX = 1024 * 1024;
/** Pages of 4 KiB that this is. */
const PAGES_MAX = IO_MAX / 4096;
/** Requests that nobody waits for (read-ahead, releases) that the kernel has under way at most, and at how many it holds readers up. */
const BACKGROUND_MAX = 64;
const CONGESTION = 48;
/** The resolution of times, in nanoseconds. */
const TIME_GRANULARITY = 1;

/** What is used when the kernel has it. FUSE_WRITEBACK_CACHE is not in it: what write(2) has taken is on stable storage. */
const WANTED: readonly (keyof typeof InitBit)[] = [
  'ASYNC_READ',
  'POSIX_LOCKS',
  'FLOCK_LOCKS',
  'ATOMIC_O_TRUNC',
  'BIG_WRITES',
  'AUTO_INVAL_DATA',
  'DO_READDIRPLUS',
  'READDIRPLUS_AUTO',
  'ASYNC_DIO',
  'PARALLEL_DIROPS',
  'MAX_PAGES',
  'CACHE_SYMLINKS',
  'INIT_EXT',
  'DIRECT_IO_ALLOW_MMAP',
];

/** What was agreed on. */
export interface Negotiated {
  readonly minor: number;
  readonly agreed: ReadonlySet<keyof typeof InitBit>;
}

/** How an INIT is answered. */
export type InitAnswer =
  /** Agreed. */
  | { readonly kind: 'agreed'; readonly reply: Reply; readonly negotiated: Negotiated }
  /** The kernel is newer: it is told the version that is spoken here and asks again. */
  | { readonly kind: 'again'; readonly reply: Reply }
  /** The kernel is too old; in words. */
  | { readonly kind: 'refused'; readonly why: string };

/** Answers `fuse_init_in`. */
export function negotiate(request: Request): InitAnswer {
  const major = request.u32();
  const minor = request.u32();
  const { KERNEL_VERSION, KERNEL_MINOR_VERSION, KERNEL_MINOR_LEAST } = numbers;
  if (major > KERNEL_VERSION) return { kind: 'again', reply: answer(0, 0, 0) };
  if (major < KERNEL_VERSION || minor < KERNEL_MINOR_LEAST) {
    const why = `this kernel speaks FUSE ${major}.${minor}; ${KERNEL_VERSION}.${KERNEL_MINOR_LEAST} (Linux 5.4) or newer is needed`;
    return { kind: 'refused', why };
  }
  const readAhead = Math.min(request.u32(), IO_MAX);
  const flags = request.u32();
  const extended = (flags & bit('INIT_EXT')) !== 0 && request.left >= 4;
  const flags2 = extended ? request.u32() : 0;
  const offered = (name: keyof typeof InitBit): boolean =>
    InitBit[name] < 32 ? (flags & bit(name)) !== 0 : (flags2 & bit(name)) !== 0;
  const agreed = new Set(WANTED.filter(offered));
  let given = 0;
  let given2 = 0;
  for (const name of agreed) {
    if (InitBit[name] < 32) given |= bit(name);
    else given2 |= bit(name);
  }
  const reply = answer(readAhead, given >>> 0, given2 >>> 0);
  return { kind: 'agreed', reply, negotiated: { minor: Math.min(minor, KERNEL_MINOR_VERSION), agreed } };
}

function bit(name: keyof typeof InitBit): number {
  return 1 << (InitBit[name] % 32);
}

/** `fuse_init_out`. */
function answer(readAhead: number, flags: number, flags2: number): Reply {
  const reply = new Reply(numbers.INIT_OUT_BYTES);
  reply.u32(numbers.KERNEL_VERSION).u32(numbers.KERNEL_MINOR_VERSION);
  reply.u32(readAhead).u32(flags);
  reply.u16(BACKGROUND_MAX).u16(CONGESTION);
  reply.u32(IO_MAX).u32(TIME_GRANULARITY);
  reply.u16(PAGES_MAX).u16(0);
  return reply.u32(flags2).zeros(28);
}
