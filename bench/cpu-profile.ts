import { basename } from 'node:path';

/** A V8 CPU profile, as `--cpu-prof` writes it; times in microseconds by the host's monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** What one function cost within a stretch of time, in microseconds. */
export interface FunctionCost {
  readonly name: string;
  /** In the function itself. */
  readonly self: number;
  /** And in what it called. */
  readonly total: number;
}

/** What a thread did within a stretch of time. */
export interface ThreadCost {
  /** Microseconds that it did anything. */
  readonly busy: number;
  /** Most expensive first. */
  readonly functions: readonly FunctionCost[];
}

/** Where a thread waits, and above everything. */
const IDLE: ReadonlySet<string> = new Set(['(idle)', '(root)']);

type Node = CpuProfile['nodes'][number];

function nameOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const short = url.startsWith('node:') ? url : url.replace(/^file:\/\/.*?\/(src|node_modules)\//, '$1/');
  return `${name} ${short === url && !url.startsWith('node:') ? basename(url) : short}:${lineNumber + 1}`;
}

/** Adds the samples between two moments up, function by function. A recursive function's total counts each sample once. */
export function costsOf(profile: CpuProfile, began: number, ended: number): ThreadCost {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node)]));
  const selfOf = new Map<number, number>();
  let now = profile.startTime;
  for (const [at, id] of profile.samples.entries()) {
    const took = profile.timeDeltas[at] ?? 0;
    now += took;
    if (now >= began && now <= ended) selfOf.set(id, (selfOf.get(id) ?? 0) + took);
  }
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  let busy = 0;
  for (const [id, took] of selfOf) {
    const name = names.get(id) ?? '(unknown)';
    if (IDLE.has(name)) continue;
    busy += took;
    self.set(name, (self.get(name) ?? 0) + took);
    const seen = new Set<string>();
    for (let above: number | undefined = id; above !== undefined && nodes.has(above); above = parents.get(above)) {
      const caller = names.get(above)!;
      if (!seen.has(caller)) total.set(caller, (total.get(caller) ?? 0) + took);
      seen.add(caller);
    }
  }
  const functions = [...total]
    .filter(([name]) => !IDLE.has(name))
    .map(([name, whole]) => ({ name, self: self.get(name) ?? 0, total: whole }))
    .sort((a, b) => b.self - a.self);
  return { busy, functions };
}
