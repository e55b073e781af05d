import type { Eventually } from '../../base/eventually.ts';
import type { RemoteProcedure } from '../../rpc/client.ts';
import { type CallContext, DROP, type Procedure, type Program, type ProgramVersion } from '../../rpc/program.ts';
import type { Codec } from '../../rpc/xdr.ts';
import { ONE_WAY } from '../grant.ts';
import type { LockdParts } from '../parts.ts';
import { type Asking, isUnavailable, type LockManager } from './manager.ts';
import { NLM_PROGRAM, NLM_VERSIONS, PROCEDURES } from './numbers.ts';
import { codecsFor, NlmStatus, type Result, type WireLock } from './schema.ts';

/** What the program is made of. */
export interface NlmParts extends Pick<LockdParts, 'callBack' | 'logger' | 'isOurs'> {
  readonly manager: LockManager;
  /** GRANTED_RES has come. */
  readonly answered: (address: string, cookie: Buffer, status: number) => void;
}

type Number = (typeof PROCEDURES)[keyof typeof PROCEDURES];
type Run<A, R> = (args: A, asking: Asking) => Promise<R>;

/** One version of the program. */
class Version {
  readonly #parts: NlmParts;
  readonly #version: number;
  readonly procedures = new Map<number, Procedure<any, any>>();

  constructor(parts: NlmParts, version: number) {
    this.#parts = parts;
    this.#version = version;
  }

  /** A procedure that is answered. What cannot be answered now is not, and the client asks again. */
  add<A, R>(name: keyof typeof PROCEDURES, args: Codec<A>, result: Codec<R>, run: Run<A, R>): void {
    const handle = (given: A, call: CallContext): Eventually<R | typeof DROP> =>
      run(given, this.#asking(call, false, name)).catch((error: unknown) => this.#failed(error, name, call));
    this.procedures.set(PROCEDURES[name], { name, arguments: args, result, handle });
  }

  /**
   * Its `_MSG` form, which is answered by a call of `_RES` at the address where it came from (XNFS chapter 10): to those alone who have a handle of this network, so that nobody can have us send
   * something to others.
   */
  addMessage<A extends { readonly lock: WireLock }, R>(
    name: 'TEST' | 'LOCK' | 'CANCEL' | 'UNLOCK',
    args: Codec<A>,
    result: Codec<R>,
    run: Run<A, R>,
  ): void {
    const message = `${name}_MSG` as const;
    const handle = async (given: A, call: CallContext): Promise<undefined | typeof DROP> => {
      if (!this.#parts.isOurs(given.lock.handle)) return DROP;
      const { transport, client, server } = call;
      try {
        const told = await run(given, this.#asking(call, true, name));
        // Not waited for: while it is under way the client may have its next message answered.
        void this.#answer({ transport, client, server }, PROCEDURES[`${name}_RES`], result, told);
        return undefined;
      } catch (error) {
        return this.#failed(error, message, call);
      }
    };
    const none = codecsFor(this.#version).void;
    this.procedures.set(PROCEDURES[message], { name: message, arguments: args, result: none, handle });
  }

  #asking(call: CallContext, byMessage: boolean, name: string): Asking {
    return { call, version: this.#version, byMessage, unmonitored: name === 'NM_LOCK' };
  }

  async #answer<R>(
    to: Pick<CallContext, 'transport' | 'client' | 'server'>,
    number: Number,
    codec: Codec<R>,
    told: R,
  ): Promise<void> {
    const { callBack, logger } = this.#parts;
    const none = codecsFor(this.#version).void;
    const call = { program: NLM_PROGRAM, version: this.#version, procedure: number, arguments: codec, result: none };
    const procedure: RemoteProcedure<R, void> = call;
    try {
      await callBack.call(to, procedure, told, ONE_WAY);
    } catch (error) {
      // Whoever hears nothing asks again.
      logger.debug(
        { client: to.client.address, reason: String(error) },
        'an answer by message has got no answer itself',
      );
    }
  }

  #failed(error: unknown, procedure: string, { client, xid }: CallContext): typeof DROP {
    if (!isUnavailable(error)) throw error;
    const fields = { reason: error.message, procedure, client: client.address, xid };
    this.#parts.logger.warn(fields, 'a call could not be answered: its client will ask again');
    return DROP;
  }
}

function versionOf(parts: NlmParts, number: number): ProgramVersion {
  const { manager } = parts;
  const codecs = codecsFor(number);
  const { result, tested } = codecs;
  const version = new Version(parts, number);
  const nothing = async (): Promise<void> => {};
  version.add('NULL', codecs.void, codecs.void, nothing);

  const four = [
    ['LOCK', codecs.lock, (args: any, asking: Asking) => manager.lock(args, asking)],
    ['CANCEL', codecs.cancel, (args: any, asking: Asking) => manager.cancel(args, asking)],
    ['UNLOCK', codecs.unlock, (args: any, asking: Asking) => manager.unlock(args, asking)],
  ] as const;
  for (const [name, args, run] of four) {
    const withCookie = (given: { readonly cookie: Buffer }, asking: Asking): Promise<Result> => {
      const cookie = Buffer.from(given.cookie);
      return run(given, asking).then((status) => ({ cookie, status }));
    };
    version.add<any, Result>(name, args, result, withCookie);
    version.addMessage<any, Result>(name, args, result, withCookie);
    if (name === 'LOCK' && number >= 3) version.add<any, Result>('NM_LOCK', args, result, withCookie);
  }
  const test: Run<any, any> = (given, asking) => {
    const cookie = Buffer.from(given.cookie);
    return manager.test(given, asking).then((answer) => ({ cookie, answer }));
  };
  version.add('TEST', codecs.test, tested, test);
  version.addMessage('TEST', codecs.test, tested, test);

  // Clients tell each other nothing by us: we wait for no lock.
  version.add('GRANTED', codecs.test, result, async ({ cookie }) => ({
    ...{ cookie: Buffer.from(cookie), status: NlmStatus.DENIED },
  }));
  version.add('GRANTED_MSG', codecs.test, codecs.void, nothing);
  version.add('TEST_RES', tested, codecs.void, nothing);
  for (const name of ['LOCK_RES', 'CANCEL_RES', 'UNLOCK_RES'] as const) version.add(name, result, codecs.void, nothing);
  version.add('GRANTED_RES', result, codecs.void, async ({ cookie, status }, { call }) =>
    parts.answered(call.client.address, cookie, status),
  );
  if (number >= 3) {
    for (const [name, run] of [
      ['SHARE', manager.share.bind(manager)],
      ['UNSHARE', manager.unshare.bind(manager)],
    ] as const)
      version.add(name, codecs.share, codecs.shared, (given, asking) => {
        const cookie = Buffer.from(given.cookie);
        return run(given, asking).then((status) => ({ cookie, status, sequence: 0 }));
      });
    version.add('FREE_ALL', codecs.free, codecs.void, ({ name }, { call }) =>
      manager.free(call.client.address, name.toString('latin1')).then(() => undefined),
    );
  }
  return version.procedures;
}

/** The network lock manager, versions 1 to 4 (XNFS chapters 10 and 14; version 2 has the procedures of version 1). Others are answered with PROG_MISMATCH 1 to 4. */
export function nlmProgram(parts: NlmParts): Program {
  const versions = new Map(NLM_VERSIONS.map((number) => [number, versionOf(parts, number)]));
  return { number: NLM_PROGRAM, name: 'nlm', versions };
}
