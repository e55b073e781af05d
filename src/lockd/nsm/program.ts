import type { Logger } from '../../base/logger.ts';
import { isLocal } from '../../rpc/portmap/rights.ts';
import { type CallContext, DROP, type Procedure, type Program } from '../../rpc/program.ts';
import type { Codec } from '../../rpc/xdr.ts';
import { isUnavailable } from '../nlm/manager.ts';
import type { Monitors } from './monitors.ts';
import type { Restarts } from './restarts.ts';
import { NSM_PROCEDURES, NSM_PROGRAM, NSM_VERSION, nsmCodecs, StatResult } from './schema.ts';
import type { NetworkState } from './state.ts';

/** What the status monitor is made of. */
export interface NsmParts {
  readonly state: Pick<NetworkState, 'number' | 'lose'>;
  readonly monitors: Monitors;
  readonly restarts: Pick<Restarts, 'told'>;
  readonly logger: Logger;
}

function procedure<A, R>(
  name: keyof typeof NSM_PROCEDURES,
  args: Codec<A>,
  result: Codec<R>,
  handle: Procedure<A, R>['handle'],
): [number, Procedure<any, any>] {
  return [NSM_PROCEDURES[name], { name, arguments: args, result, handle }];
}

/**
 * The network status monitor, version 1 (XNFS chapter 11). Others are answered with PROG_MISMATCH 1 to 1. What has us call somebody later (MON), or tell all clients something (SIMU_CRASH), is for programs of this
 * machine alone, as with rpc.statd: others get FAIL, and the number.
 */
export function nsmProgram({ state, monitors, restarts, logger }: NsmParts): Program {
  const { void: none, result } = nsmCodecs;
  const answer = (done: boolean) => ({ result: done ? StatResult.SUCCESS : StatResult.FAIL, state: state.number });

  async function notify(
    name: string,
    number: number,
    { client, server }: CallContext,
  ): Promise<undefined | typeof DROP> {
    monitors.tell(name, client.address, number);
    try {
      await restarts.told(client.address, name, number, server.address);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      // Without an answer it is said again.
      logger.warn(
        { client: client.address, name, reason: String(error) },
        'the locks of a client that has started anew have not all ended yet',
      );
      return DROP;
    }
    return undefined;
  }

  const procedures = new Map([
    procedure('NULL', none, none, () => undefined),
    procedure('STAT', nsmCodecs.name, result, ({ name }) => answer(name.length > 0)),
    procedure('MON', nsmCodecs.monitor, result, (asked, call) =>
      answer(isLocal(call) && asked.id.name.length > 0 && monitors.add(asked, call)),
    ),
    procedure('UNMON', nsmCodecs.monitorId, nsmCodecs.state, ({ name, by }, call) => {
      if (isLocal(call)) monitors.remove(name.toString('latin1'), by);
      return { state: state.number };
    }),
    procedure('UNMON_ALL', nsmCodecs.myId, nsmCodecs.state, (by, call) => {
      if (isLocal(call)) monitors.remove(null, by);
      return { state: state.number };
    }),
    procedure('SIMU_CRASH', none, none, async (_, call) => {
      if (!isLocal(call)) return;
      logger.warn({}, 'a program of this machine asked for what a loss of locks does (SIMU_CRASH): clients are told');
      await state.lose();
    }),
    procedure('NOTIFY', nsmCodecs.notification, none, ({ name, state: number }, call) =>
      notify(name.toString('latin1'), number, call),
    ),
  ]);
  return { number: NSM_PROGRAM, name: 'nsm', versions: new Map([[NSM_VERSION, procedures]]) };
}
