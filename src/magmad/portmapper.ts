import type { Logger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import { choosePortmapper, type PortmapChoice, type PortmapMode, type PortmapParts } from '../rpc/portmap/choose.ts';
import { PortmapError, type Registration } from '../rpc/portmap/registration.ts';
import type { NetId } from '../rpc/portmap/universal.ts';
import type { Program } from '../rpc/program.ts';
import type { Listening } from '../rpc/server.ts';

/** Every version of a program, over every transport that it is served over. */
export function registrationsOf(program: Program, { udp, tcp, port }: Listening): Registration[] {
  const netids = new Set<NetId>([
    ...udp.flatMap((one) => netidsOf('udp', one)),
    ...tcp.flatMap((one) => netidsOf('tcp', one)),
  ]);
  return [...program.versions.keys()].flatMap((version) =>
    [...netids].map((one) => ({ program: program.number, version, netid: one, port })),
  );
}

function netidsOf(transport: 'udp' | 'tcp', { address }: Endpoint): NetId[] {
  if (!address.includes(':')) return [transport];
  // A TCP listener on all IPv6 addresses takes IPv4's connections as well.
  return transport === 'tcp' && address === '::' ? ['tcp', 'tcp6'] : [`${transport}6`];
}

const NOT_FORWARDED =
  'the portmapper is not ours: machines that boot by broadcast (bootparam) are answered only if it forwards calls (rpcbind -r). Cure: --portmap own';

/**
 * Makes the programs findable as `mode` says. With `auto`, what cannot be had is done without, and logged: a portmapper is a convenience there.
 * Rejects with `PortmapError` in the other modes.
 */
export async function makeFindable(mode: PortmapMode, parts: PortmapParts, log: Logger): Promise<PortmapChoice> {
  try {
    const choice = await choosePortmapper(mode, parts);
    if (choice.kind !== 'own' && (parts.forwarded ?? []).length > 0) log.warn({}, NOT_FORWARDED);
    return choice;
  } catch (error) {
    if (mode !== 'auto' || !(error instanceof PortmapError)) throw error;
    log.warn({ reason: error.message }, 'no portmapper: clients must name the ports');
    return choosePortmapper('off', parts);
  }
}
