import { closeSync, constants, openSync, statSync } from 'node:fs';
import { FILE_SYSTEM_TYPE, MountError, type MountOptions } from './options.ts';
import { run } from './run.ts';

const DEVICE = '/dev/fuse';

/** Opens `/dev/fuse`, so that reading it does not block. Throws `MountError`. */
export function openFuse(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw noFuse(error);
  }
}

/** Looks whether there is FUSE, as far as this user can see: fusermount3 opens it for others than root. Throws `MountError`. */
export function checkFuse(root: boolean): void {
  try {
    if (root) closeSync(openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK));
    else statSync(DEVICE);
  } catch (error) {
    throw noFuse(error);
  }
}

function noFuse(error: unknown): MountError {
  const { code, message } = error as NodeJS.ErrnoException;
  const cure = code === 'EACCES' || code === 'EPERM' ? 'run it as root, or install fusermount3' : 'modprobe fuse';
  return new MountError('fuse', `FUSE is not to be had: ${message}. Cure: ${cure}`, { cause: error });
}

/** Mounts as root, by mount(8). Resolves with the descriptor of the connection; rejects with `MountError`. */
export async function mountAsRoot(options: MountOptions): Promise<number> {
  const { source, target, allowOther = false, generic = [] } = options;
  const fd = openFuse();
  const own = ['fd=3', 'rootmode=40000', 'user_id=0', 'group_id=0', 'default_permissions'];
  const all = [...own, ...(allowOther ? ['allow_other'] : []), ...generic].join(',');
  const { status, said, failed } = await run('mount', ['-i', '-t', FILE_SYSTEM_TYPE, '-o', all, source, target], {
    fd,
  });
  if (status === 0) return fd;
  closeSync(fd);
  const why = failed?.message ?? (said || `mount ended with status ${status}`);
  throw new MountError('refused', `${target} could not be mounted: ${why}`);
}
