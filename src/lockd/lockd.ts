import type { Random } from '../base/random.ts';
import type { NoteStore } from '../flare/service.ts';
import type { Program } from '../rpc/program.ts';
import { Blocked } from './blocked.ts';
import type { CallBack } from './call-back.ts';
import { GrantedAnswers } from './grant.ts';
import { LockManager } from './nlm/manager.ts';
import { nlmProgram } from './nlm/program.ts';
import { Monitors } from './nsm/monitors.ts';
import { Notifier } from './nsm/notifier.ts';
import { nsmProgram } from './nsm/program.ts';
import { Restarts } from './nsm/restarts.ts';
import { NetworkState } from './nsm/state.ts';
import type { LockdParts } from './parts.ts';

/** What a volcano's lock manager is opened with. */
export interface OpenParts extends Omit<LockdParts, 'isGrace' | 'callBack'> {
  readonly callBack: CallBack;
  readonly random: Random;
  /** The network's, and this volcano's own. */
  readonly notes: NoteStore;
  /** The name that the network gives itself to clients. */
  readonly name: () => string;
}

/** The lock manager and the status monitor of one volcano. */
export interface Lockd {
  readonly programs: readonly Program[];
  stop(): void;
}

/** Makes them. */
export function openLockd(open: OpenParts): Lockd {
  const { random, notes, clock, logger, callBack, hosts, isOurs } = open;
  const state = new NetworkState(notes, clock);
  const parts: LockdParts = { ...open, isGrace: () => state.isGrace };
  const answers = new GrantedAnswers(random);
  const blocked = new Blocked(parts);
  const manager = new LockManager(parts, blocked, answers);
  const answered = (address: string, cookie: Buffer, status: number) => answers.answered(address, cookie, status);
  const nlm = nlmProgram({ callBack, logger, isOurs, manager, answered });
  const monitors = new Monitors(callBack, logger);
  const nsm = nsmProgram({ state, monitors, restarts: new Restarts(hosts, manager), logger });
  const notifier = new Notifier({ ...parts, state, notes, name: open.name });
  notifier.start();
  const stop = (): void => {
    notifier.stop();
    blocked.stop();
    callBack.stop();
  };
  return { programs: [nlm, nsm], stop };
}
