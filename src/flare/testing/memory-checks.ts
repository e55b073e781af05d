import type { AttributeChanges, Birth, Caller } from '../types.ts';
import { FlareType, SIZE_MAX, TARGET_MAX } from '../types.ts';
import { inGroup, type MemoryNode, refuse } from './memory-state.ts';

export function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

export function checkExtent(offset: number, length: number): void {
  if (!isWhole(offset)) refuse('INVAL');
  if (offset + length > SIZE_MAX) refuse('FBIG');
}

export function checkBirth(birth: Birth): void {
  if (birth.size !== undefined) checkExtent(birth.size, 0);
  if (birth.type !== FlareType.symlink) return;
  if (birth.target === undefined || birth.target.length === 0 || birth.target.includes(0)) refuse('INVAL');
  if (birth.target.length > TARGET_MAX) refuse('NAMETOOLONG');
}

export function checkVersion(node: MemoryNode, expect: { version?: number } | undefined): void {
  if (expect?.version !== undefined && expect.version !== node.attributes.version) refuse('VERSION');
}

export function checkIsFile(node: MemoryNode): void {
  if (node.entries !== undefined) refuse('ISDIR');
  if (node.content === undefined) refuse('INVAL');
}

export function checkReplaceable(node: MemoryNode, replaced: MemoryNode): void {
  if (node.entries !== undefined && replaced.entries === undefined) refuse('NOTDIR');
  if (node.entries === undefined && replaced.entries !== undefined) refuse('ISDIR');
  if (replaced.entries !== undefined && replaced.entries.size > 0) refuse('NOTEMPTY');
}

/** Whether the directory is that flare or lies below it. */
export function isInside(directory: MemoryNode, node: MemoryNode): boolean {
  for (let at: MemoryNode | undefined = directory; at !== undefined; at = at.parents[0]) if (at === node) return true;
  return false;
}

export function modeAfter(caller: Caller, node: MemoryNode, { mode, uid, gid, size }: AttributeChanges): number {
  const after = (mode ?? node.attributes.mode) & 0o7777;
  if (caller.uid === 0 || node.entries !== undefined) return after;
  if (uid !== undefined || gid !== undefined || size !== undefined) return after & ~0o6000;
  return mode !== undefined && !inGroup(caller, node.attributes.gid) ? after & ~0o2000 : after;
}
