import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Endpoint, Net } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import { RpcClient } from '../client.ts';
import type { Program } from '../program.ts';
import type { Forwarded } from './callit.ts';
import { PORTMAP_PORT, PORTMAP_PROGRAM, PORTMAP_VERSIONS, portmapProgram } from './program.ts';
import { PortmapError, type Registration, SystemPortmapper } from './registration.ts';
import { commonCodecs } from './schema.ts';
import { OWN, PortmapTable } from './table.ts';
import { NETID_FACTS, NETIDS } from './universal.ts';

/** Who is to tell clients our ports: a port mapper of our own, the system's, whichever there is, or nobody. */
export type PortmapMode = 'own' | 'system' | 'auto' | 'off';

/** What choosing works with. */
export interface PortmapParts {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Serves a program at a port over UDP and TCP; resolves with the port. Rejects with the host's error. */
  readonly serve: (program: Program, port: number) => Promise<number>;
  /** 111 unless told otherwise; 0 takes a free one, for a port mapper of our own. */
  readonly port?: number;
  /** What our own port mapper calls for who broadcasts; none unless told. */
  readonly forwarded?: readonly Forwarded[];
  /** What clients shall find. */
  readonly registrations: readonly Registration[];
}

/** What was done. */
export interface PortmapChoice {
  readonly kind: 'own' | 'system' | 'off';
  /** Where the port mapper is; 0 when there is none. */
  readonly port: number;
  /** The table of our own port mapper. */
  readonly table: PortmapTable | null;
  /** Takes back what was registered with the system's; never rejects. */
  stop(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
/** How long a port mapper on this machine may take to answer when it is looked for, in milliseconds. */
const PROBE_MS = 1_000;

const NULL2 = {
  program: PORTMAP_PROGRAM,
  version: 2,
  procedure: 0,
  arguments: commonCodecs.void,
  result: commonCodecs.void,
};

/** True when something at that endpoint answers as a port mapper does. */
async function answers(parts: PortmapParts, to: Endpoint): Promise<boolean> {
  const { net, clock, random } = parts;
  try {
    const client = await RpcClient.open({
      net,
      clock,
      random,
      transport: 'tcp',
      to,
      patience: { timeoutMs: PROBE_MS, tries: 1 },
    });
    try {
      await client.call(NULL2, undefined);
      return true;
    } finally {
      await client.close();
    }
  } catch {
    return false;
  }
}

const CURES: Record<string, string> = {
  EACCES:
    'this needs root or CAP_NET_BIND_SERVICE; or take another port with --portmap-port, or none with --portmap off',
  EADDRINUSE: 'something has that port already; register with it by --portmap system, or use --portmap off',
};

async function serveOwn(parts: PortmapParts, port: number): Promise<PortmapChoice> {
  const table = new PortmapTable();
  let at: number;
  try {
    at = await parts.serve(portmapProgram(table, parts.clock, parts.forwarded), port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new PortmapError(`port ${port} for the port mapper: ${CURES[code] ?? String(error)}`, error);
  }
  const itself = PORTMAP_VERSIONS.flatMap((version) =>
    NETIDS.map((netid) => ({ program: PORTMAP_PROGRAM, version, netid, port: at })),
  );
  for (const { program, version, netid, port: served } of [...itself, ...parts.registrations]) {
    const address = NETID_FACTS[netid].family === 'inet' ? '0.0.0.0' : '::';
    table.set({ program, version, netid, endpoint: { address, port: served }, owner: OWN });
  }
  return { kind: 'own', port: at, table, stop: async () => {} };
}

async function registerWithSystem(parts: PortmapParts, port: number): Promise<PortmapChoice> {
  const { logger, registrations } = parts;
  const system = await SystemPortmapper.open({ ...parts, portmapper: { address: LOOPBACK, port } });
  await system.register(registrations);
  const stop = (): Promise<void> =>
    system.unregister().catch((error: unknown) => {
      logger.warn({ error, port }, 'The port mapper did not take our registrations back');
    });
  return { kind: 'system', port, table: null, stop };
}

/**
 * Makes our programs findable. `own`: serves a port mapper; `system`: registers with the one that runs on this machine; `auto`: the
 * system's if one answers, else our own. Throws `PortmapError`, with the cure, when that cannot be done.
 */
export async function choosePortmapper(mode: PortmapMode, parts: PortmapParts): Promise<PortmapChoice> {
  const port = parts.port ?? PORTMAP_PORT;
  if (mode === 'off') return { kind: 'off', port: 0, table: null, stop: async () => {} };
  if (mode === 'own') return serveOwn(parts, port);
  if (mode === 'system') return registerWithSystem(parts, port);
  const found = port !== 0 && (await answers(parts, { address: LOOPBACK, port }));
  return found ? registerWithSystem(parts, port) : serveOwn(parts, port);
}
