import { FlareError, UnavailableError } from '../../../src/flare/errors.ts';
import type { FlareService } from '../../../src/flare/service.ts';
import type { Messages } from './messages.ts';
import type { WholeDisks } from './whole-disks.ts';
import type { Life, Volcano } from './whole-life.ts';
import type { WholeMap } from './whole-map.ts';
import type { MessageKind, MessageStage } from './world.ts';

/** What clients ask whole volcanos with. */
export interface WholeClientsParts {
  readonly volcanos: readonly Volcano[];
  readonly messages: Messages;
  readonly disks: WholeDisks;
  readonly map: WholeMap;
  readonly faults: string[];
  /** False when the volcano is dead, or dies at this moment. */
  readonly moment: (life: Life, kind: MessageKind, stage: MessageStage) => boolean;
}

/** The calls of clients, and what must hold when one is answered. */
export class WholeClients {
  readonly #parts: WholeClientsParts;

  constructor(parts: WholeClientsParts) {
    this.#parts = parts;
  }

  /** `World.ask`. */
  ask<T>(at: number, identity: string | null, run: (service: FlareService) => Promise<T>): Promise<T> {
    const { volcanos, messages, map, moment } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const arrive = (): void => {
      const { life } = volcanos[at]!;
      if (life === null || life.ring === null || !moment(life, 'client', 'arrived')) return;
      if (identity !== null && life.asked.has(identity)) return;
      if (identity !== null) life.asked.add(identity);
      const answer = (settle: () => void, error?: unknown): void => {
        if (identity !== null) life.asked.delete(identity);
        if (!moment(life, 'client', 'answered')) return;
        if (error instanceof FlareError && error.status === 'IO') this.#checkFailed(identity);
        else if (identity !== null && !(error instanceof UnavailableError)) map.checkCopies(identity);
        messages.carry(at, -1, settle);
      };
      const { flares } = life.ring;
      const serve = (): void =>
        void (async () => run(flares))().then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error), error),
        );
      if (life.clock.hung) life.clock.soon(serve);
      else serve();
    };
    messages.carry(-1, at, arrive, true);
    return promise;
  }

  /** A client is told of a failure only where nobody else can go on. */
  #checkFailed(identity: string | null): void {
    const { volcanos, disks, map, faults } = this.#parts;
    const single = map.newest?.map.some(({ inSync }) => inSync.length === 0);
    // A log fails also when others take the room that it counts on between its looks.
    const failed = disks.failed || volcanos.some(({ life }) => life?.short === true && life.failed);
    if (!failed || !single) faults.push(`${identity ?? 'a look'} was answered with IO`);
  }
}
