import { systemClock } from '../../base/clock.ts';
import { createTlsNet } from '../../base/net/tls.ts';
import type { Endpoint } from '../../base/net.ts';
import { systemRandom } from '../../base/random.ts';
import { systemResolver } from '../../base/resolver.ts';
import { systemNet } from '../../base/system-net.ts';
import { Members } from '../../client-fuse/network/members.ts';
import { RingService } from '../../client-fuse/network/ring-service.ts';
import { Link } from '../../dht/link.ts';
import { FLARE_REPLY_BYTES_MAX } from '../../dht/programs/flare/schema.ts';
import { volcanoSelf } from '../../dht/secrets.ts';
import type { FlareService } from '../../flare/service.ts';
import { resolveSeeds } from '../../magmad/seeds.ts';
import type { Asking } from '../options.ts';
import { connectAny } from '../ring-client.ts';

/** How long a call is tried, in milliseconds: a volcano may have to be replaced first. */
const PATIENCE_MS = 60_000;

/** The tree of a network, as its volcanos see it: whole, and without the rules of shares. */
export interface Reached {
  readonly tree: FlareService;
  close(): Promise<void>;
}

/** Reaches the tree through the volcano that is to be asked, or through one that the configuration names to join by. Rejects with a text that says what is wrong. */
export async function reach(asking: Asking, key: string): Promise<Reached> {
  const { ring, through } = await connectAny(asking, key).catch((error: Error) => {
    throw new Error(`${error.message}. Cure: name another volcano of the network with --at`, { cause: error });
  });
  const { projection, secrets, asked } = ring;
  await ring.close();
  const secure = createTlsNet(systemNet, { keyOf: () => null, self: volcanoSelf(secrets) });
  const connect = (name: string, to: readonly Endpoint[]): Link =>
    new Link({ net: secure, clock: systemClock, random: systemRandom, name, to, replyBytes: FLARE_REPLY_BYTES_MAX });
  const { volcanos } = projection;
  const asks = volcanos.find(({ nickname }) => nickname === asked) ?? volcanos[0]!;
  const seeds = [asks, ...volcanos.filter((one) => one !== asks)].flatMap(({ addresses, flarePort: port }) =>
    addresses.map((address) => ({ address, port })),
  );
  // A volcano that is alone may not know the address that it was found at.
  const found = await resolveSeeds([{ host: through.host, port: asks.flarePort }], systemResolver);
  const members = await Members.open(connect, [...found, ...seeds]);
  const pace = { clock: systemClock, random: systemRandom, patienceMs: PATIENCE_MS };
  return { tree: new RingService(members, pace), close: () => members.close() };
}
