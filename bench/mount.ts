import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpuProfile, costsOf } from './cpu-profile.ts';
import { FileIo, OPERATIONS } from './mount/fileio.ts';
import { detachAll, type MountedTree, mountTree, unmountAll } from './mount/mounts.ts';
import { HELP, type MountOptions, readMountOptions } from './mount/options.ts';
import { type MountRow, mountTable, mountVerdicts, NAMES, summaries } from './mount/results.ts';
import { threadReport } from './profile.ts';
import { Volcanos } from './ring/volcanos.ts';
import { figure } from './table.ts';
import { UsageError } from './usage-error.ts';
import { verdictTable } from './verdict.ts';
import { command, inWorkplace, machine, print, say } from './workplace.ts';

/** Files that stat is asked about. */
const STAT_FILES = 100;
const RUN_SECONDS = 600;
const INTERVAL_US = 200;
const FUNCTIONS_SHOWN = 40;

/** Measures each operation on each mount in turn, so that a ratio is of what was done one after the other. */
async function rounds(
  options: MountOptions,
  io: FileIo,
  mounts: readonly MountedTree[],
  volcano: readonly number[],
): Promise<MountRow[]> {
  const rows: MountRow[] = [];
  for (const { directory } of mounts) {
    for (let file = 0; file < STAT_FILES; file++) writeFileSync(join(directory, `f${file}`), `${file}`);
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const operation of OPERATIONS) {
      for (const { kind, directory, pids, remote } of mounts) {
        const large = operation === 'write' || operation === 'read';
        const file = join(directory, 'large');
        if (operation === 'write') rmSync(file, { force: true });
        const [path, amount] = large ? [file, options.mib] : [directory, options.seconds];
        const run = await io.run(operation, path, amount, { mount: pids, server: remote ? volcano : [] }, RUN_SECONDS);
        rows.push({ round, operation, kind, run });
        const each = `${figure(run.mount / run.count)} us mount, ${figure(run.self / run.count)} us caller`;
        say(`round ${round + 1}: ${NAMES[operation]}, ${kind}: ${each}, others ${Math.round(run.others)} %`);
      }
    }
  }
  return rows;
}

/** What the profiles of mount.magma say about the last run of each operation. */
function printProfiles(directory: string, rows: readonly MountRow[]): void {
  const profiles = readdirSync(directory).map(
    (file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile,
  );
  const last = rows.filter(({ round, kind }) => round === rows.at(-1)!.round && /encrypted|plain/.test(kind));
  for (const { operation, kind, run } of last) {
    const costs = profiles.map((profile) => costsOf(profile, run.began, run.ended)).sort((a, b) => b.busy - a.busy);
    // The other mount is idle meanwhile.
    const [busiest] = costs;
    if (busiest === undefined) continue;
    print(`\n${NAMES[operation]}, ${kind}: ${figure(run.mount / run.count)} CPU us each (with the profiler)\n`);
    print(threadReport(busiest, run.count, FUNCTIONS_SHOWN));
  }
}

async function measure(options: MountOptions, directory: string): Promise<void> {
  const { server, generator: client } = options.cores;
  const io = await FileIo.build(directory, client);
  const profiles = join(directory, 'profiles');
  mkdirSync(profiles);
  const flags = `--cpu-prof --cpu-prof-interval=${INTERVAL_US} --cpu-prof-dir="${profiles}"`;
  const environment: Readonly<Record<string, string>> = options.profile ? { NODE_OPTIONS: flags } : {};
  const volcanos = await Volcanos.start(1, directory, server);
  const mounts: MountedTree[] = [];
  const absent: string[] = [];
  let rows: MountRow[];
  try {
    for (const kind of options.kinds) {
      try {
        mounts.push(await mountTree(kind, { directory, core: client, volcanos, environment }));
      } catch (error) {
        // Most kernels have no NFS version 2 any more.
        if (kind !== 'nfs' || error instanceof UsageError) throw error;
        absent.push(`nfs is left out: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
      }
    }
    rows = await rounds(options, io, mounts, volcanos.pids);
  } finally {
    await unmountAll();
    await volcanos.stop();
  }
  const all = summaries(rows);
  const verdicts = mountVerdicts(all);
  if (options.json) {
    print(JSON.stringify({ machine: machine(), options, absent, rows, summaries: all, verdicts }));
    return;
  }
  print(
    `\n${machine()}. The volcano on core ${server}; the mount's process and the one that uses it share core ${client}; gocryptfs keeps its files on the same disk. ` +
      `Medians of ${options.rounds} rounds, ${options.mib} MiB; us: CPU of that process for a MiB or a call.`,
  );
  for (const line of absent) print(line);
  print(`\n${mountTable(all)}\n\n${verdictTable(verdicts)}`);
  if (options.profile) printProfiles(profiles, rows);
}

await command('bench:mount', async () => {
  const options = readMountOptions(process.argv.slice(2));
  if (options === null) {
    print(HELP);
    return;
  }
  // Before the directory goes: what is mounted in it is not to be removed.
  process.once('SIGINT', detachAll);
  process.once('SIGTERM', detachAll);
  await inWorkplace(options.directory, options.cores, (directory) => measure(options, directory));
});
