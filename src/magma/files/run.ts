import type { FlareService } from '../../flare/service.ts';
import { UsageError } from '../../magmad/usage.ts';
import type { CommandSpec } from '../command.ts';
import { type Asking, keyOf, readAsking } from '../options.ts';
import { progress } from '../progress.ts';
import { FileProblem, Interrupted } from './problem.ts';
import { type Reached, reach } from './reach.ts';
import { Report, type Telling } from './report.ts';
import { interruptible } from './signals.ts';
import { rawWords } from './words.ts';

/** What a command about files works with. */
export interface Work {
  readonly tree: FlareService;
  readonly report: Report;
  /** Aborted when the user wants no more of it. */
  readonly signal: AbortSignal;
  readonly flags: Asking['flags'];
  readonly json: boolean;
}

/** Rejects with `Interrupted` when the user wants no more of it. */
export function goOn(signal: AbortSignal): void {
  if (signal.aborted) throw new Interrupted();
}

/** What a command about files is. */
export interface FileCommand {
  readonly spec: CommandSpec;
  /** Looks at the words before anybody is asked. Throws `UsageError`. */
  readonly check?: (words: readonly string[], flags: Asking['flags']) => void;
  readonly work: (words: readonly string[], work: Work) => Promise<void>;
  /** Where problems are told with `--json`; the others but `summary` print by themselves. */
  readonly telling: Telling;
  /** Whether a bar says how far it is. */
  readonly bar: (words: readonly string[]) => boolean;
}

function say(json: boolean, name: string, error: Error): void {
  const place = error instanceof FileProblem ? `${error.place}: ` : '';
  if (json) process.stdout.write(`${JSON.stringify({ error: `${place}${error.message}` })}\n`);
  else process.stderr.write(`magma: ${name}: ${place}${error.message}\n`);
}

/** Runs a command about files: 0 all was done, 1 something was not, 130 broken off with ^C. Throws `UsageError`. */
export function runFiles(command: FileCommand, argv: readonly string[]): Promise<number> {
  const { spec, work, bar } = command;
  const asking = readAsking(spec, rawWords(argv));
  const { words, flags, json } = asking;
  command.check?.(words, flags);
  const key = keyOf(spec, asking.config);
  return interruptible(async (signal) => {
    let reached: Reached | undefined;
    const shown = progress(spec.name, 'bytes', { wanted: bar(words) && !json && flags.quiet !== true });
    const report = new Report(spec.name, json ? command.telling : 'text', shown);
    try {
      reached = await until(signal, reach(asking, key));
      await work(words, { tree: reached.tree, report, signal, flags, json });
    } catch (error) {
      shown.end();
      if (error instanceof UsageError) throw error;
      if (error instanceof Interrupted) report.interrupted = true;
      else {
        say(json, spec.name, error as Error);
        return 1;
      }
    } finally {
      shown.end();
      await reached?.close();
    }
    if (json && command.telling === 'summary') process.stdout.write(`${JSON.stringify(report.summary())}\n`);
    else if (signal.aborted) process.stderr.write(`magma: ${spec.name}: broken off\n`);
    return report.failed > 0 || report.interrupted ? 1 : 0;
  });
}

/** As the promise, but rejects with `Interrupted` as soon as the user wants no more of it. */
export function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new Interrupted());
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
