import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGenerator, Generator } from './generator.ts';
import { measure } from './measure.ts';
import { helpText, type Options, readOptions } from './options.ts';
import { profile } from './profile.ts';
import { progressLine } from './progress.ts';
import { ratiosOf } from './ratios.ts';
import { killAll } from './server.ts';
import { ratioTable, resultTable, summary } from './table.ts';
import { UsageError } from './usage-error.ts';

/** statfs(2): a file system in memory, where "on stable storage" costs nothing. */
const TMPFS_MAGIC = 0x01021994;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

function workDirectory(options: Options): string {
  const above = options.directory ?? tmpdir();
  if (!existsSync(above)) throw new UsageError(`--dir ${above}: there is no such directory. Cure: make it`);
  if (statfsSync(above).type === TMPFS_MAGIC) {
    say(`${above} is in memory, so what is said of stable storage here means nothing. Cure: --dir on a disk`);
  }
  return mkdtempSync(join(above, 'magma-bench-'));
}

function machine(): string {
  return `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown kind'}, Linux ${release()}, Node ${process.version}`;
}

async function compare(options: Options, generator: Generator, directory: string): Promise<void> {
  const measurements = await measure(options, generator, directory, (row) => say(progressLine(row)));
  const { server, vs } = options;
  const ratios = vs === null ? [] : ratiosOf(measurements.rows, server.name, vs.name);
  if (options.json) {
    const replacer = (_: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value);
    print(JSON.stringify({ machine: machine(), options, ...measurements, ratios }, replacer));
    return;
  }
  print(`\n${machine()}; server on core ${options.cores.server}, generator on core ${options.cores.generator}.`);
  print(`${summary(measurements)}\n\n${resultTable(measurements, vs !== null)}`);
  if (vs !== null) print(`\n${server.name} divided by ${vs.name} (${vs.command}):\n\n${ratioTable(ratios)}`);
}

async function run(options: Options): Promise<void> {
  if (options.cores.server === options.cores.generator) {
    say('server and generator share one core: the figures say little');
  }
  const directory = workDirectory(options);
  const end = (status: number) => {
    killAll();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    process.exit(status);
  };
  process.once('SIGINT', () => end(130));
  process.once('SIGTERM', () => end(143));
  try {
    const generator = new Generator(await buildGenerator(directory), options.cores.generator);
    if (options.profile === null) await compare(options, generator, directory);
    else await profile({ ...options, profile: options.profile }, generator, directory, print);
  } finally {
    killAll();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) print(helpText());
  else await run(options);
} catch (error) {
  say(`bench: ${(error as Error).message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
