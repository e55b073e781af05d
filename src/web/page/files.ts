import type { FileState } from '../api.ts';
import { decoded } from './bytes.ts';

/** By what files are sorted. */
export type FileKey = 'name' | 'size' | 'modified' | 'mode';

const VALUES: Readonly<Record<Exclude<FileKey, 'name'>, (file: FileState) => number>> = {
  size: ({ size }) => size,
  modified: ({ modified }) => modified,
  mode: ({ mode }) => mode,
};

/** Sorted; directories first, and what is equal by its name's bytes. */
export function sortedFiles(files: readonly FileState[], by: FileKey, down: boolean): FileState[] {
  const way = down ? -1 : 1;
  const names = new Map(files.map((file) => [file, decoded(file.name)]));
  const byName = (one: FileState, other: FileState): number => {
    const [a, b] = [names.get(one)!, names.get(other)!];
    return a < b ? -1 : a > b ? 1 : 0;
  };
  return [...files].sort((one, other) => {
    const kind = Number(other.kind === 'directory') - Number(one.kind === 'directory');
    if (kind !== 0) return kind;
    return way * (by === 'name' ? byName(one, other) : VALUES[by](one) - VALUES[by](other)) || byName(one, other);
  });
}
