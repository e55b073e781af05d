import { realpath, stat } from 'node:fs/promises';
import { MountError } from './options.ts';

/** The directory to be mounted on, without symlinks. Rejects with `MountError` when it cannot be. */
export async function mountTarget(path: string): Promise<string> {
  let isDirectory: boolean;
  let real: string;
  try {
    real = await realpath(path);
    isDirectory = (await stat(real)).isDirectory();
  } catch (error) {
    throw new MountError('target', reasonOf(path, error), { cause: error });
  }
  if (!isDirectory) throw new MountError('target', `${path} is not a directory. Cure: name a directory to mount on`);
  return real;
}

function reasonOf(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `mount point ${path} does not exist. Cure: make it (mkdir ${path})`;
  if (code === 'EACCES') return `mount point ${path} may not be looked at by this user. Cure: choose another`;
  if (code === 'ENOTCONN') {
    return `on ${path} there is still a mount whose client is gone. Cure: umount ${path} (fusermount3 -u ${path})`;
  }
  return `mount point ${path} cannot be used: ${message}`;
}
