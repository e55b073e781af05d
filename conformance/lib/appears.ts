import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';

/** Resolves when the file is there; with false when the client has ended before. */
export function appears(directory: string, name: string, over: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!existsSync(join(directory, name))) return;
      watcher.close();
      resolve(true);
    };
    const watcher = watch(directory, look);
    look();
    void over.then(() => {
      watcher.close();
      resolve(existsSync(join(directory, name)));
    });
  });
}
