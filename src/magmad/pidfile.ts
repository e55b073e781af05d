import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';

/**
 * Writes the process number, in place of an old file's. Returns what removes the file again, unless another process has written its own number
 * there since. Throws an error that names the file and the reason.
 */
export function writePidFile(path: string, pid: number): () => void {
  const fresh = `${path}.${pid}`;
  try {
    writeFileSync(fresh, `${pid}\n`, { mode: 0o644 });
    renameSync(fresh, path);
  } catch (error) {
    throw new Error(`cannot write the pid file ${path}: ${(error as Error).message}`);
  }
  return () => {
    try {
      if (readFileSync(path, 'utf8').trim() === `${pid}`) unlinkSync(path);
    } catch {
      // It is gone already.
    }
  };
}
