import type { VirtualClock } from '../../../src/base/virtual-clock.ts';
import type { JointStore, OperationId, Step } from '../../../src/flare/joint.ts';
import type { Caller } from '../../../src/flare/types.ts';
import type { Breaks } from './static-life.ts';
import { type Mix, MOVES, REMOVALS } from './workload.ts';

/** A promise that is broken on purpose, where a volcano's ring meets its store: the simulator must find it. */
export interface Mutation {
  readonly name: string;
  /** A seed that finds it, which is tried first: it saves minutes, and is no promise, for what changes the order of things changes that. */
  readonly found: number;
  readonly breaks: Breaks;
  /** The calls that bring it out; those of chance when absent. */
  readonly mix?: Mix;
}

type Change = (joint: JointStore, clock: VirtualClock) => Partial<JointStore>;

/** A side of operations over several owners of which some methods are replaced. */
function changed(change: Change): Breaks {
  return {
    joint(joint, _at, clock) {
      const replaced = change(joint, clock);
      return new Proxy(joint, {
        get(target, name) {
          if (name in replaced) return Reflect.get(replaced, name) as unknown;
          const value = Reflect.get(target, name) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}

function has(steps: readonly Step[], kind: Step['kind']): boolean {
  return steps.some((step) => step.kind === kind);
}

/** Another operation's identity, made of one. */
function other(operation: OperationId): OperationId {
  return Buffer.from(operation.map((byte) => byte ^ 0xff));
}

/** Does it, and waits for nothing. */
function unawaited(work: () => unknown): void {
  void (async () => work())().catch(() => {});
}

/** How long a collector waits before it takes what is prepared for void, in milliseconds. */
const COLLECT_MS = 20;

/** Closes no directory: it is checked, let go, and ended when the outcome comes, if that goes then. */
function unclosed(joint: JointStore): Partial<JointStore> {
  const late = new Map<string, () => Promise<unknown>>();
  return {
    async prepare(operation: OperationId, coordinator: number, caller: Caller, steps: readonly Step[]) {
      const answers = await joint.prepare(operation, coordinator, caller, steps);
      if (!has(steps, 'end')) return answers;
      await joint.resolve(operation, false);
      late.set(operation.toString('hex'), async () => joint.prepare(other(operation), coordinator, caller, steps));
      return answers;
    },
    async resolve(operation: OperationId, committed: boolean) {
      const end = late.get(operation.toString('hex'));
      if (end === undefined) return joint.resolve(operation, committed);
      late.delete(operation.toString('hex'));
      if (!committed) return;
      try {
        await end();
        await joint.resolve(other(operation), true);
      } catch {
        // The directory has entries by now: it stays, without a name.
      }
    },
  };
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'the answer comes before the decision is durable',
    found: 40,
    breaks: changed((joint) => ({
      decide: async (...args) => unawaited(() => joint.decide(...args)),
    })),
  },
  { name: 'a directory that is about to end is not closed', found: 6, breaks: changed(unclosed), mix: REMOVALS },
  {
    name: 'an operation that is still pending is said to be void',
    found: 54,
    breaks: changed((joint) => {
      const deciding = new Set<string>();
      return {
        async decide(operation, ...rest) {
          deciding.add(operation.toString('hex'));
          await joint.decide(operation, ...rest);
        },
        decision(operation) {
          const decision = joint.decision(operation);
          return decision === 'pending' && !deciding.has(operation.toString('hex')) ? 'unknown' : decision;
        },
      };
    }),
  },
  {
    name: 'a newborn is collected while it waits for its name',
    found: 1,
    breaks: changed((joint, clock) => ({
      async prepare(operation, coordinator, caller, steps) {
        const answers = await joint.prepare(operation, coordinator, caller, steps);
        if (has(steps, 'birth')) clock.after(COLLECT_MS, () => unawaited(() => joint.resolve(operation, false)));
        return answers;
      },
    })),
  },
  {
    name: 'an outcome is delivered as aborted after the commit, now and then',
    found: 6,
    breaks: changed((joint) => ({
      resolve: (operation, committed) => joint.resolve(operation, committed && operation[0]! >= 16),
    })),
  },
  {
    name: 'a directory moves without the one intent of the network',
    found: 164,
    mix: MOVES,
    breaks: changed((joint) => ({
      hold: (operation, caller, steps) =>
        joint.hold(
          operation,
          caller,
          steps.filter(({ kind }) => kind !== 'moving'),
        ),
      prepare: (operation, coordinator, caller, steps) =>
        has(steps, 'moving')
          ? steps.map(() => ({ kind: 'done', attributes: null }))
          : joint.prepare(operation, coordinator, caller, steps),
    })),
  },
  {
    name: 'a decision without the replay',
    found: 37,
    breaks: changed((joint) => ({
      decide: (operation, { replay: _, ...caller }, ...rest) => joint.decide(operation, caller, ...rest),
    })),
  },
  {
    name: 'an outcome is acknowledged before it is durable',
    found: 4,
    breaks: changed((joint) => ({
      resolve: async (operation, committed) => unawaited(() => joint.resolve(operation, committed)),
    })),
  },
  {
    name: 'a decision is forgotten before all have it',
    found: 26,
    breaks: changed((joint) => ({
      async decide(operation, ...rest) {
        await joint.decide(operation, ...rest);
        joint.delivered([operation]);
      },
    })),
  },
];
