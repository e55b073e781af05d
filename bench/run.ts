import type { Generator } from './generator.ts';
import { measure } from './measure.ts';
import { helpText, type Options, readOptions } from './options.ts';
import { profile } from './profile.ts';
import { progressLine } from './progress.ts';
import { ratiosOf } from './ratios.ts';
import { ratioTable, resultTable, summary } from './table.ts';
import { verdictsOf } from './targets.ts';
import { verdictTable } from './verdict.ts';
import { command, inWorkplace, machine, print, say } from './workplace.ts';

async function compare(options: Options, generator: Generator, directory: string): Promise<void> {
  const measurements = await measure(options, generator, directory, (row) => say(progressLine(row)));
  const { server, vs } = options;
  const ratios = vs === null ? [] : ratiosOf(measurements.rows, server.name, vs.name);
  const verdicts = verdictsOf(measurements, server.name, vs?.name ?? null);
  if (options.json) {
    const replacer = (_: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value);
    print(JSON.stringify({ machine: machine(), options, ...measurements, ratios, verdicts }, replacer));
    return;
  }
  print(`\n${machine()}; server on core ${options.cores.server}, generator on core ${options.cores.generator}.`);
  print(`${summary(measurements)}\n\n${resultTable(measurements, vs !== null)}`);
  if (verdicts.length > 0) print(`\n${verdictTable(verdicts)}`);
  if (vs !== null) print(`\n${server.name} divided by ${vs.name} (${vs.command}):\n\n${ratioTable(ratios)}`);
}

await command('bench', async () => {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    print(helpText());
    return;
  }
  await inWorkplace(options.directory, options.cores, async (directory, generator) => {
    if (options.profile === null) await compare(options, generator, directory);
    else await profile({ ...options, profile: options.profile }, generator, directory, print);
  });
});
