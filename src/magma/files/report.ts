import type { Progress } from '../progress.ts';
import { FileProblem, Interrupted } from './problem.ts';

/** Problems that the JSON of a command lists; the others are counted. */
export const PROBLEMS_MAX = 1000;

/** Where a problem is told: as text, in what `--json` prints at the end, or as a JSON object a line of its own. */
export type Telling = 'text' | 'summary' | 'lines';

/** What has come of a command so far, and what it tells about it. */
export class Report {
  readonly #command: string;
  readonly #telling: Telling;
  readonly #progress: Progress;
  readonly #problems: { readonly path: string; readonly problem: string }[] = [];
  #failed = 0;
  files = 0;
  directories = 0;
  links = 0;
  bytes = 0;
  interrupted = false;

  constructor(command: string, telling: Telling, progress: Progress) {
    this.#command = command;
    this.#telling = telling;
    this.#progress = progress;
  }

  get progress(): Progress {
    return this.#progress;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Something was not done, and why; throws what is no problem of one file but a mistake of the program. */
  problem(place: string, error: unknown): void {
    const found = FileProblem.of(place, error);
    if (found instanceof Interrupted) {
      this.interrupted = true;
      return;
    }
    if (!(found instanceof FileProblem)) throw found;
    this.#failed += 1;
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ path: found.place, problem: found.message });
    const { place: path, message: problem } = found;
    if (this.#telling === 'text') this.#progress.say(`magma: ${this.#command}: ${path}: ${problem}`);
    else if (this.#telling === 'lines') process.stdout.write(`${JSON.stringify({ path, problem })}\n`);
  }

  /** Runs a part; what goes wrong with it is a problem of that place. */
  async part(place: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.problem(place, error);
    }
  }

  /** What `--json` prints at the end. */
  summary(): object {
    const { files, directories, links, bytes, interrupted } = this;
    const done = { files, directories, links, bytes, failed: this.#failed, problems: this.#problems };
    return interrupted ? { ...done, interrupted } : done;
  }
}
