import type { Change, FileState, Goal, Step } from '../changes.ts';
import { nextStep } from '../changes.ts';
import { type ContentCipher, parseHeader } from '../contents.ts';
import { openRead, planRead } from '../reads.ts';
import { HEADER_BYTES, type Range } from '../sizes.ts';

/** What a file holds after all that, one after the other. */
export function outcome(goals: readonly Goal[]): Buffer {
  let file = Buffer.alloc(0);
  for (const goal of goals) {
    const offset = goal.kind === 'write' ? goal.offset : file.length;
    const grown = goal.kind !== 'resize' && goal.data.length > 0 ? offset + goal.data.length : 0;
    const next = Buffer.alloc(goal.kind === 'resize' ? goal.size : Math.max(file.length, grown));
    file.copy(next);
    if (goal.kind !== 'resize' && goal.data.length > 0) next.set(goal.data, offset);
    file = next;
  }
  return file;
}

/** A file of ciphertext in memory, with a version that every change raises. */
export class CipherFile {
  bytes: Buffer = Buffer.alloc(0);
  version = 0;
  /** The changes that were made, in their order. */
  readonly changes: Change[] = [];

  state(): FileState {
    const header = this.bytes.length < HEADER_BYTES ? null : parseHeader(this.bytes.subarray(0, HEADER_BYTES));
    return { size: this.bytes.length, header };
  }

  read({ offset, length }: Range): Buffer {
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }

  /** Makes a change if the file still has that version. */
  apply(change: Change, version: number): boolean {
    if (version !== this.version) return false;
    const end = change.kind === 'size' ? change.size : Math.max(this.bytes.length, change.offset + change.data.length);
    const next = Buffer.alloc(end);
    this.bytes.copy(next);
    if (change.kind === 'write') change.data.copy(next, change.offset);
    this.bytes = next;
    this.version++;
    this.changes.push(change);
    return true;
  }

  plain(contents: ContentCipher, offset = 0, length: number = Number.MAX_SAFE_INTEGER - offset): Buffer {
    const plan = planRead(this.bytes.length, offset, length);
    return plan === null ? Buffer.alloc(0) : openRead(contents, this.state().header!, plan, this.read(plan.cipher));
  }
}

/** Does what `nextStep` tells, as its comment says, stopping before and after each look and each change: whoever calls decides who goes on. */
export function* reach(
  file: CipherFile,
  contents: ContentCipher,
  first: Goal,
  blocksPerChange?: number,
): Generator<void, void, void> {
  let goal: Goal | null = first;
  while (goal !== null) {
    const version = file.version;
    const step: Step | null = nextStep(contents, file.state(), goal, blocksPerChange);
    if (step === null) return;
    const { change, rest } = step.make(step.reads.map((range) => file.read(range)));
    yield;
    if (file.apply(change, version)) goal = rest;
    yield;
  }
}
