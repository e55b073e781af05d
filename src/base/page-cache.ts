import { createRequire } from 'node:module';

/** `POSIX_FADV_DONTNEED` on Linux. */
const DONT_NEED = 4;

type Advise = (fd: number, offset: number, length: number, advice: number) => number;

let advise: Advise | null | undefined;

function loadAdvise(): Advise | null {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const advice = 'int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)';
    return koffi.load(null).func(advice) as Advise;
  } catch {
    return null;
  }
}

/**
 * Makes the host forget what it has cached of an open file, so that the next read comes from the device. After a failed write-back Linux keeps the
 * bytes in its cache as if they had been written: a process that starts anew would take them for durable. False when the host cannot.
 */
export function forgetCached(fd: number): boolean {
  if (process.platform !== 'linux') return false;
  if (advise === undefined) advise = loadAdvise();
  return advise !== null && advise(fd, 0, 0, DONT_NEED) === 0;
}
