import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpuProfile, costsOf, type ThreadCost } from './cpu-profile.ts';
import type { Generator, LoadResult } from './generator.ts';
import { runStep, type Step, stepsOf } from './measure.ts';
import type { Options } from './options.ts';
import { startNfsServer } from './server.ts';

const INTERVAL_US = 200;

/** What a profile of one thread says, for each call. */
export function threadReport({ busy, functions }: ThreadCost, ops: number, top: number): string {
  const each = (microseconds: number) => (microseconds / ops).toFixed(2).padStart(8);
  const share = (microseconds: number) => `${((microseconds / busy) * 100).toFixed(1)} %`.padStart(7);
  const lines = functions
    .slice(0, top)
    .map(({ name, self, total }) => `${each(self)} ${share(self)} ${each(total)}  ${name}`);
  return [`${'self us'.padStart(8)} ${''.padStart(7)} ${'total us'.padStart(8)}  function`, ...lines].join('\n');
}

function report(step: Step, result: LoadResult, threads: readonly ThreadCost[], top: number): string {
  const { operation, transport, window, connections } = step;
  const head = `\n${operation} over ${transport}, ${connections} x ${window}: ${result.opsPerSecond.toFixed(0)} ops/s, ${result.serverCpu?.toFixed(2)} CPU us/op (with the profiler)`;
  const parts = threads.map((thread, at) => {
    const name = at === 0 ? 'busiest thread' : 'thread';
    return `\n${name}: ${(thread.busy / result.ops).toFixed(2)} us/op\n${threadReport(thread, result.ops, top)}`;
  });
  return [head, ...parts].join('\n');
}

/** Runs a server under --cpu-prof for one operation, for each transport, and prints what it spent the measured time on, thread by thread. */
export async function profile(
  options: Options & { readonly profile: string },
  generator: Generator,
  directory: string,
  print: (text: string) => void,
): Promise<void> {
  const window = Math.max(...options.windows);
  for (const step of stepsOf({ ...options, operations: [options.profile], windows: [window] })) {
    const work = join(directory, step.transport);
    const profiles = join(work, 'profiles');
    mkdirSync(profiles, { recursive: true });
    const environment = {
      NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=${INTERVAL_US} --cpu-prof-dir="${profiles}"`,
    };
    const server = await startNfsServer(options.server, work, options.cores.server, environment);
    let result: LoadResult;
    try {
      result = await runStep(generator, server, step, options);
    } finally {
      await server.process.stop();
    }
    const threads = readdirSync(profiles)
      .map((file) => JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile)
      .map((content) => costsOf(content, result.began, result.ended))
      .filter(({ busy }) => busy > 0)
      .sort((a, b) => b.busy - a.busy);
    if (threads.length === 0)
      throw new Error(`${options.server.name} wrote no profile: only a program run by Node does`);
    print(report(step, result, threads, options.top));
  }
}
