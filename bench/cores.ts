import { readFileSync } from 'node:fs';
import { UsageError } from './usage-error.ts';

/** Where server and load generator run: numbers of cores. */
export interface Cores {
  readonly server: number;
  readonly generator: number;
}

/** The numbers in a list as the kernel writes it: `0-2,5` is 0, 1, 2, 5. Throws `UsageError`. */
export function parseCoreList(text: string): number[] {
  const cores: number[] = [];
  for (const part of text.trim().split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? from);
    if (match === null || to < from)
      throw new UsageError(`'${text}' is no list of cores. Cure: numbers and ranges, as 0,1 or 0-3`);
    for (let core = from; core <= to; core++) cores.push(core);
  }
  return cores;
}

/** The first two of the cores that may be used; with one core, that one twice. */
export function chooseCores(allowed: readonly number[]): Cores {
  const [server = 0, generator = server] = allowed;
  return { server, generator };
}

/** The cores that this process may run on (Linux). */
export function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  return parseCoreList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0');
}

/** The two of `--cores SERVER,GENERATOR`. Throws `UsageError` when there are not two, or one may not be used. */
export function parseCores(text: string, allowed: readonly number[]): Cores {
  const [server, generator, ...more] = parseCoreList(text);
  if (server === undefined || generator === undefined || more.length > 0) {
    throw new UsageError(`--cores ${text}: two numbers are needed, the server's and the generator's, as 0,1`);
  }
  for (const core of [server, generator]) {
    if (allowed.includes(core)) continue;
    throw new UsageError(`--cores ${text}: core ${core} cannot be used here. Cure: choose from ${allowed.join(', ')}`);
  }
  return { server, generator };
}
