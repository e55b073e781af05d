import { createHash } from 'node:crypto';
import type { Change, Replay } from '../record/schema.ts';
import type { FlareId } from '../types.ts';
import type { Core } from './core.ts';
import { Walk, type WalkSink } from './walk.ts';

function plain(_name: string, value: unknown): unknown {
  const bytes = value as { readonly type?: string; readonly data?: readonly number[] };
  return bytes?.type === 'Buffer' && Array.isArray(bytes.data) ? Buffer.from(bytes.data).toString('hex') : value;
}

/** Writes what a walk finds as text, a line for each unit and for each run of a file's bytes. */
class Lines implements WalkSink {
  readonly lines: string[] = [];
  #run: {
    readonly file: string;
    readonly start: number;
    end: number;
    readonly digest: ReturnType<typeof createHash>;
  } | null = null;

  changes(_slice: number, changes: readonly Change[]): void {
    this.close();
    for (const change of changes) this.lines.push(JSON.stringify(change, plain));
  }

  data(_slice: number, { key, generation }: FlareId, offset: number, bytes: Buffer): void {
    const file = `${Buffer.from(key, 'latin1').toString('hex')} ${generation}`;
    if (this.#run?.file !== file || this.#run.end !== offset) {
      this.close();
      this.#run = { file, start: offset, end: offset, digest: createHash('sha256') };
    }
    this.#run.digest.update(bytes);
    this.#run.end += bytes.length;
  }

  replay(_slice: number, replay: Replay): void {
    this.close();
    this.lines.push(`replay ${JSON.stringify(replay, plain)}`);
  }

  /** The run of bytes is at its end. */
  close(): void {
    if (this.#run === null) return;
    const { file, start, end, digest } = this.#run;
    this.lines.push(`data ${file} ${start} to ${end}: ${digest.digest('hex')}`);
    this.#run = null;
  }

  room(): void {}
}

/**
 * All that a volcano holds of a slice, as lines of text in an order of their own: two volcanos that hold the same have the same lines, wherever in their logs it lies. Nothing may be
 * changed meanwhile. `replays` are left out when told: they are bounded for all slices together.
 */
export async function sliceLines(core: Core, slice: number, replays = true): Promise<string[]> {
  const { number, epoch } = core.state.slices.of(slice);
  const found = new Lines();
  await new Walk(core, found).slices([slice]);
  found.close();
  const kept = replays ? found.lines : found.lines.filter((line) => !line.startsWith('replay '));
  return [`last record ${number} of epoch ${epoch}`, ...kept.sort()];
}
