import { systemClock } from '../base/clock.ts';
import type { Endpoint } from '../base/net.ts';
import { systemRandom } from '../base/random.ts';
import { systemResolver } from '../base/resolver.ts';
import { systemNet } from '../base/system-net.ts';
import { ConnectError, connectRing } from '../client-fuse/network/connect.ts';
import { secretOfClient } from '../dht/client-secret.ts';
import { OF_THE_NETWORK } from '../dht/keys/identity.ts';
import type { ClientSecret } from '../dht/secrets.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import type { FlareId } from '../flare/types.ts';
import { RingClient } from '../magma/ring-client.ts';
import { resolveSeeds } from '../magmad/seeds.ts';
import { ExitError, ExitStatus } from './exit.ts';
import type { Reach } from './request.ts';
import { readKeyFile, secretOf } from './secret.ts';

/** The tree of a network, ready to be mounted. */
export interface Tree {
  readonly service: FlareService;
  /** The directory that was asked for. */
  readonly top: FlareId;
  close(): Promise<void>;
}

/** Reaches the network that a request is about; `refused` as `ConnectOptions` has it. Rejects with `ExitError`. */
export async function openTree(
  request: Reach,
  environment: Readonly<Record<string, string | undefined>>,
  refused: (why: string) => void = () => {},
): Promise<Tree> {
  const given =
    request.keyFile === null ? (request.key ?? environment.MAGMA_KEY ?? null) : readKeyFile(request.keyFile);
  if (given === null || given === '') {
    const cure = 'keyfile=FILE, with what `magma key client` prints on one of its volcanos';
    throw new ExitError(ExitStatus.usage, `volcanos let nobody in without a key. Cure: ${cure}`);
  }
  const seeds = await endpoints(request);
  const secret = await clientSecretOf(given, request);
  const patienceMs = request.timeout === 0 ? Number.POSITIVE_INFINITY : request.timeout * 1000;
  const parts = { net: systemNet, clock: systemClock, random: systemRandom };
  const ring = await connectRing({ ...parts, secret, seeds, patienceMs, refused }).catch((error: unknown) => {
    if (!(error instanceof ConnectError)) throw error;
    const status = error.kind === 'key' ? ExitStatus.usage : ExitStatus.failed;
    throw new ExitError(status, error.message, { cause: error });
  });
  try {
    const { service, close } = ring;
    return { service, top: await walk(service, request.path), close };
  } catch (error) {
    await ring.close();
    throw error;
  }
}

async function endpoints({ hosts, port }: Reach): Promise<readonly Endpoint[]> {
  const found: Endpoint[] = [];
  let last: unknown;
  for (const host of hosts) {
    try {
      found.push(...(await resolveSeeds([{ host, port }], systemResolver)));
    } catch (error) {
      last = error;
    }
  }
  if (found.length > 0) return found;
  const { code } = (last as { cause?: NodeJS.ErrnoException }).cause ?? {};
  throw new ExitError(
    ExitStatus.failed,
    `${hosts.join(', ')}: no such host is known${code === undefined ? '' : ` (${code})`}. Cure: name a volcano by its address`,
  );
}

async function clientSecretOf(given: string, { hosts, nodePort }: Reach): Promise<ClientSecret> {
  const secret = secretOf(given);
  if ('client' in secret) return secret.client;
  // Only volcanos know which network it is, and that goes into the key.
  let last: unknown;
  for (const host of hosts) {
    try {
      const { secrets } = await RingClient.connect({ host, port: nodePort }, secret.network);
      return secretOfClient(secrets, OF_THE_NETWORK);
    } catch (error) {
      last = error;
    }
  }
  const text = last instanceof Error ? last.message : String(last);
  const isKey = /does not have the same key|does not know the network key|another key/.test(text);
  throw new ExitError(isKey ? ExitStatus.usage : ExitStatus.failed, text, { cause: last });
}

/** Looks a path up, as root does. */
async function walk(service: FlareService, path: string): Promise<FlareId> {
  let at = service.root();
  for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
    try {
      at = await service.lookup({ uid: 0, gid: 0, gids: [] }, at, Buffer.from(name).toString('latin1'));
    } catch (error) {
      if (!(error instanceof FlareError)) throw error;
      throw new ExitError(ExitStatus.failed, `${path} cannot be mounted: ${name} there: ${error.status}`);
    }
  }
  return at;
}
