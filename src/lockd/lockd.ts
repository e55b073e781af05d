import type { Random } from '../base/random.ts';
import type { Program } from '../rpc/program.ts';
import { Blocked } from './blocked.ts';
import { GrantedAnswers } from './grant.ts';
import { LockManager } from './nlm/manager.ts';
import { nlmProgram } from './nlm/program.ts';
import type { LockdParts } from './parts.ts';

/** The lock manager and the status monitor of one volcano. */
export interface Lockd {
  readonly programs: readonly Program[];
  stop(): void;
}

/** Makes them. */
export function openLockd(parts: LockdParts & { readonly random: Random }): Lockd {
  const answers = new GrantedAnswers(parts.random);
  const blocked = new Blocked(parts);
  const manager = new LockManager(parts, blocked, answers);
  const nlm = nlmProgram({
    ...{ callBack: parts.callBack, logger: parts.logger, isOurs: parts.isOurs, manager },
    answered: (address, cookie, status) => answers.answered(address, cookie, status),
  });
  return { programs: [nlm], stop: () => blocked.stop() };
}
