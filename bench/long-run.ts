import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Generator } from './generator.ts';
import { type LongBench, type LongOptions, longHelp, readLongOptions } from './long-options.ts';
import { isMet, type Verdict, verdictTable } from './verdict.ts';
import { Volcano } from './volcano.ts';
import { command, inWorkplace, machine, print, say } from './workplace.ts';

/** Does one part of a long benchmark, on a volcano that runs. */
export type DoPart = (
  part: string,
  volcano: Volcano,
  options: LongOptions,
  /** For what else is to be started. */
  workplace: { readonly directory: string; readonly generator: Generator },
) => Promise<Verdict[]>;

/** Runs a long benchmark's parts, one after the other on one data directory, and prints their figures. */
export async function runLong(bench: LongBench, argv: readonly string[], doPart: DoPart): Promise<void> {
  await command(bench.script, async () => {
    const options = readLongOptions(bench, argv);
    if (options === null) {
      print(longHelp(bench));
      return;
    }
    const verdicts: Verdict[] = [];
    // Also when a part fails, or somebody interrupts: what was measured by then took its time.
    process.once('exit', () => report(options, verdicts));
    await inWorkplace(options.directory, options.cores, async (directory, generator) => {
      const data = options.data ?? join(directory, 'data');
      mkdirSync(data, { recursive: true });
      const volcano = new Volcano(options.server, data, options.cores.server, generator);
      for (const part of options.parts) {
        await volcano.run();
        const found = await doPart(part, volcano, options, { directory, generator });
        for (const { what, figure, unit } of found) say(`${part}: ${what}: ${figure.toFixed(2)} ${unit}`);
        verdicts.push(...found);
      }
      await volcano.stop();
    });
  });
}

function report(options: LongOptions, verdicts: readonly Verdict[]): void {
  if (verdicts.length === 0) return;
  const { server, generator } = options.cores;
  if (options.json) print(JSON.stringify({ machine: machine(), options, verdicts }));
  else print(`\n${machine()}; server on core ${server}, generator on core ${generator}.\n\n${verdictTable(verdicts)}`);
  const missed = verdicts.filter((verdict) => !isMet(verdict)).length;
  say(`${missed} of ${verdicts.filter(({ target }) => target !== undefined).length} targets missed`);
}
