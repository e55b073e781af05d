import type { Random } from '../base/random.ts';
import { RpcError } from '../rpc/client.ts';
import { BusyCalling, type Origin } from './call-back.ts';
import { NLM_PROGRAM, PROCEDURES } from './nlm/numbers.ts';
import { codecsFor, NlmStatus, type WireLock } from './nlm/schema.ts';
import type { LockdParts } from './parts.ts';

/** How often a client is told that it has the lock that it waited for, and how long after each time it is told again, in milliseconds. Linux asks by itself every 30 s. */
export const GRANT_TRIES = 10;
export const GRANT_AGAIN_MS = 5_000;

/** What a client that waits is told, and how. */
export interface Granted {
  readonly origin: Origin;
  readonly version: number;
  /** It asked by LOCK_MSG, and is told by GRANTED_MSG. */
  readonly byMessage: boolean;
  readonly cookie: Buffer;
  readonly exclusive: boolean;
  /** As the client said it. */
  readonly lock: WireLock;
  /** Where answers by GRANTED_RES come to. */
  readonly answers: GrantedAnswers;
}

/** Answers to GRANTED_MSG, by who gives them and the cookie. */
export class GrantedAnswers {
  readonly #waiting = new Map<string, (status: number) => void>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A cookie of our own: that of the call need not be told from another one's. */
  expect(address: string, told: (status: number) => void): { readonly cookie: Buffer; readonly forget: () => void } {
    const cookie = Buffer.from(this.#random.bytes(8));
    const key = `${address} ${cookie.toString('hex')}`;
    this.#waiting.set(key, told);
    return { cookie, forget: () => void this.#waiting.delete(key) };
  }

  /** GRANTED_RES has come. */
  answered(address: string, cookie: Buffer, status: number): void {
    this.#waiting.get(`${address} ${cookie.toString('hex')}`)?.(status);
  }
}

/** Tells a client that it has the lock. Resolves with whether it took it: false when it does not want it, or cannot be told. */
export async function grant(
  { callBack, logger }: Pick<LockdParts, 'callBack' | 'logger'>,
  to: Granted,
  pause: (ms: number) => Promise<void>,
  isOver: () => boolean,
): Promise<boolean> {
  const tell = to.byMessage ? tellByMessage : tellByCall;
  for (let tries = 0; tries < GRANT_TRIES && !isOver(); tries++) {
    try {
      const status = await tell(callBack, to, pause);
      if (status === NlmStatus.GRANTED) return true;
      if (status !== NlmStatus.DENIED_GRACE_PERIOD && status !== null) return false;
    } catch (error) {
      if (!isHostError(error)) throw error;
    }
    if (!isOver()) await pause(GRANT_AGAIN_MS);
  }
  const { address } = to.origin.client;
  if (!isOver()) logger.warn({ client: address }, 'a client cannot be told that it has a lock: it was given back');
  return false;
}

async function tellByCall(callBack: LockdParts['callBack'], to: Granted): Promise<number | null> {
  const { version, cookie, exclusive, lock, origin } = to;
  const codecs = codecsFor(version);
  const procedure = { program: NLM_PROGRAM, version, procedure: PROCEDURES.GRANTED };
  const types = { arguments: codecs.test, result: codecs.result };
  return (await callBack.call(origin, { ...procedure, ...types }, { cookie, exclusive, lock })).status;
}

/** Null: there was no answer until it is time to tell it again. */
async function tellByMessage(
  callBack: LockdParts['callBack'],
  { version, exclusive, lock, origin, answers }: Granted,
  pause: (ms: number) => Promise<void>,
): Promise<number | null> {
  const codecs = codecsFor(version);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const { cookie, forget } = answers.expect(origin.client.address, resolve);
  const procedure = { program: NLM_PROGRAM, version, procedure: PROCEDURES.GRANTED_MSG };
  const types = { arguments: codecs.test, result: codecs.void };
  const sent = callBack.call(origin, { ...procedure, ...types }, { cookie, exclusive, lock }, ONE_WAY);
  sent.catch((error: unknown) => {
    // Messages are not answered as calls by all.
    if (!(error instanceof RpcError && error.kind === 'TIMEOUT')) resolve(null);
  });
  void pause(GRANT_AGAIN_MS).then(() => resolve(null));
  return promise.finally(forget);
}

/** For messages, which many do not answer as calls. */
export const ONE_WAY = { timeoutMs: 200, tries: 1 } as const;

/** What the other end or the way there is to blame for. */
export function isHostError(error: unknown): boolean {
  return error instanceof RpcError || error instanceof BusyCalling || (error instanceof Error && 'code' in error);
}
