import { uint32, varOpaque, void as xdrVoid } from '@stellar/js-xdr';
import { remote } from '../client.ts';
import { AuthStat, type CallContext, DROP, type Procedure, type Program, RpcRefusal } from '../program.ts';
import { compile } from '../xdr.ts';

/** The longest argument of ECHO, in bytes. */
export const ECHO_MAX = 60_000;
/** The number of the test program. */
export const ECHO_PROGRAM = 0x20000099;

const nothing = compile(xdrVoid());
const bytes = compile(varOpaque(ECHO_MAX));
const many = compile(varOpaque(10_000_000));
const number = compile(uint32());

/** A call of WAIT that has not been answered. */
export interface Held {
  readonly call: CallContext;
  readonly argument: Buffer;
  /** Answers it. */
  release(): void;
}

/** The test program: its procedures, and what a test sees and holds of its calls. */
export interface Echo {
  readonly program: Program;
  /** All calls of ECHO and WAIT so far. */
  readonly calls: CallContext[];
  /** Calls of WAIT that were not yet answered, oldest first. */
  readonly held: Held[];
  /** Resolves when so many calls of WAIT are held. */
  whenHeld(count: number): Promise<void>;
}

const procedures = {
  NULL: { number: 0, arguments: nothing, result: nothing },
  /** Answers its argument at once. */
  ECHO: { number: 1, arguments: bytes, result: bytes },
  /** Answers its argument when the test says so. */
  WAIT: { number: 2, arguments: bytes, result: bytes },
  FAIL: { number: 3, arguments: nothing, result: nothing },
  DROP: { number: 4, arguments: nothing, result: nothing },
  REFUSE: { number: 5, arguments: nothing, result: nothing },
  /** Answers as many bytes as it is asked for. */
  BULK: { number: 6, arguments: number, result: many },
  FAIL_LATER: { number: 7, arguments: nothing, result: nothing },
} as const;

/** The procedures as a client calls them, in version 2. */
export const echo = {
  NULL: remote(ECHO_PROGRAM, 2, 0, procedures.NULL),
  ECHO: remote(ECHO_PROGRAM, 2, 1, procedures.ECHO),
  WAIT: remote(ECHO_PROGRAM, 2, 2, procedures.WAIT),
  FAIL: remote(ECHO_PROGRAM, 2, 3, procedures.FAIL),
  DROP: remote(ECHO_PROGRAM, 2, 4, procedures.DROP),
  REFUSE: remote(ECHO_PROGRAM, 2, 5, procedures.REFUSE),
  BULK: remote(ECHO_PROGRAM, 2, 6, procedures.BULK),
  FAIL_LATER: remote(ECHO_PROGRAM, 2, 7, procedures.FAIL_LATER),
};

/** A new test program, with versions 2 and 4. */
export function makeEcho(): Echo {
  const calls: CallContext[] = [];
  const held: Held[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const handlers: Record<keyof typeof procedures, Procedure<any, any>['handle']> = {
    NULL: () => undefined,
    ECHO(args, call) {
      calls.push(call);
      return args;
    },
    WAIT(args: Buffer, call) {
      calls.push(call);
      const argument = Buffer.from(args);
      const { promise, resolve } = Promise.withResolvers<Buffer>();
      const entry: Held = {
        call,
        argument,
        release() {
          held.splice(held.indexOf(entry), 1);
          resolve(argument);
        },
      };
      held.push(entry);
      for (const one of waiting) if (held.length >= one.count) one.resolve();
      return promise;
    },
    FAIL() {
      throw new Error('this procedure always fails');
    },
    DROP: () => DROP,
    REFUSE() {
      throw new RpcRefusal(AuthStat.TOOWEAK);
    },
    BULK: (count) => Buffer.alloc(count, 0x62),
    FAIL_LATER: () => Promise.reject(new Error('this procedure fails later')),
  };
  const version = new Map<number, Procedure<any, any>>();
  for (const [name, procedure] of Object.entries(procedures)) {
    version.set(procedure.number, { ...procedure, name, handle: handlers[name as keyof typeof procedures] });
  }
  return {
    program: { number: ECHO_PROGRAM, name: 'echo', versions: new Map([2, 4].map((n) => [n, version])) },
    calls,
    held,
    whenHeld(count) {
      if (held.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
  };
}
