import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Only whoever makes backups may read them: they hold the files, and the network's secret. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Where a backup goes. */
export interface Target {
  write(bytes: Buffer): Promise<void>;
  /** It is complete: durable, and under its name, when it resolves with that. */
  done(): Promise<string>;
  /** Nothing is left of it. */
  broken(): Promise<void>;
}

/** Standard output. */
export function pipeTarget(to: NodeJS.WriteStream = process.stdout): Target {
  let failed: Error | null = null;
  to.on('error', (error: NodeJS.ErrnoException) => {
    failed = error.code === 'EPIPE' ? new Error('nobody reads the backup any more') : error;
  });
  return {
    async write(bytes) {
      if (failed !== null) throw failed;
      if (!to.write(bytes)) await once(to, 'drain');
    },
    async done() {
      await new Promise<void>((resolve, reject) =>
        to.write('', (error) => (error == null ? resolve() : reject(error))),
      );
      if (failed !== null) throw failed;
      return '-';
    },
    async broken() {},
  };
}

/** A file in a directory, which is made if need be; it has that name when it is complete, and not before. */
export async function fileTarget(directory: string, name: string): Promise<Target> {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const temporary = join(directory, `.${name}.${process.pid}.part`);
  const path = join(directory, name);
  if (existsSync(path)) throw new Error(`${path} is there already: nothing is replaced`);
  const file = await open(temporary, 'wx', FILE_MODE);
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    },
    async done() {
      await file.sync();
      await file.close();
      await rename(temporary, path);
      await syncDirectory(directory);
      return path;
    },
    async broken() {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
    },
  };
}

/** Makes names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle: FileHandle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
