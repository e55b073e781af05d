import { MountError } from './options.ts';
import { type Ran, run } from './run.ts';

/** `umount` as root, else fusermount3, which lets users unmount what they have mounted. */
function unmountCommand(target: string, lazy: boolean, root: boolean): Promise<Ran> {
  if (root) return run('umount', ['-i', ...(lazy ? ['-l'] : []), target]);
  return run('fusermount3', ['-u', ...(lazy ? ['-z'] : []), '--', target]);
}

/**
 * Unmounts. When it is in use it goes out of the tree all the same, and those who still use it do so until they are done, or the connection is closed. Rejects with `MountError` when
 * not even that is possible.
 */
export async function unmount(target: string, root: boolean): Promise<void> {
  if ((await unmountCommand(target, false, root)).status === 0) return;
  const { status, said, failed } = await unmountCommand(target, true, root);
  if (status !== 0) throw new MountError('refused', `${target} could not be unmounted: ${failed?.message ?? said}`);
}
