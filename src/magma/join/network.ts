import { systemClock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/net.ts';
import { systemRandom } from '../../base/random.ts';
import { systemNet } from '../../base/system-net.ts';
import { checkHello, type Hello } from '../../dht/programs/node/hello.ts';
import { DeniedError } from '../../dht/programs/result.ts';
import { memberOf } from '../../dht/projection/queries.ts';
import { ID_BYTES, type Projection } from '../../dht/projection/types.ts';
import { PROTOCOLS } from '../../dht/protocols.ts';
import { VERSION } from '../../magmad/version.ts';
import { askEvery } from '../every.ts';
import type { RingClient } from '../ring-client.ts';
import { clockFinding, type Finding, mapsFinding, versionFinding } from './findings.ts';
import type { Directory } from './host.ts';

/** How long a flare port may take to open, in milliseconds. */
const CONNECT_MS = 3_000;

/** What was found of a network, and how many bytes its volcanos have free. */
export interface NetworkFound {
  readonly findings: readonly Finding[];
  readonly free: readonly number[];
}

/** What a data directory of this very network means. */
function returning(projection: Projection, { id }: Directory): Finding {
  const member = id === null ? null : memberOf(projection, id);
  if (member !== null)
    return { check: 'member', result: 'mind', text: `it is ${member.nickname}, a member already: start it as it is` };
  const why = 'it was of this network, and is no member any more';
  return { check: 'member', result: 'no', text: `${why}. Cure: an empty data directory` };
}

/** As HELLO judges it: version, clock, network, nickname; asked of one volcano, as one who wants to join. It changes nothing there. */
async function judged(ring: RingClient, directory: Directory, nickname: string): Promise<Finding[]> {
  const asked = ring.projection.volcanos.find((one) => one.nickname === ring.asked)!;
  const node = ring.node(asked);
  // The first call makes the connection: it would count as a difference of clocks.
  await node.standing(false);
  const id = systemRandom.bytes(ID_BYTES).toString('hex');
  const isReturning = directory.networkId === ring.projection.networkId;
  const before = systemClock.now();
  const mine: Hello = {
    ...{ protocols: PROTOCOLS, version: VERSION, networkId: directory.networkId, id, epoch: 0, clock: before },
    // Never as who it is: others would take it for a second copy of that one.
    ...{ nickname: isReturning ? `magma-${id.slice(0, 12)}` : nickname, joining: true, life: 0, born: 0 },
  };
  try {
    const theirs = await node.hello(mine);
    const after = systemClock.now();
    const found = [versionFinding(theirs, VERSION), clockFinding(theirs, before, after)];
    if (isReturning) return [...found, returning(ring.projection, directory)];
    const between = { earliest: before, latest: after };
    checkHello(mine, theirs, between, null);
    // The volcano that is asked looks into its own map, which may be older than the one it has told.
    checkHello(theirs, mine, between, ring.projection);
    return [...found, { check: 'nickname', result: 'yes', text: `${nickname} is free` }];
  } catch (error) {
    if (!(error instanceof DeniedError)) throw error;
    return [{ check: 'hello', result: 'no', text: error.message }];
  }
}

async function opens(to: readonly Endpoint[]): Promise<boolean> {
  for (const endpoint of to) {
    try {
      (await systemNet.connect(endpoint, { timeoutMs: CONNECT_MS })).destroy();
      return true;
    } catch {
      // The next address.
    }
  }
  return false;
}

/** Looks at a network from this machine, as one who would join it through the volcano that was asked. Nothing is changed there. Rejects when that one does not answer any more. */
export async function lookAtNetwork(
  ring: RingClient,
  directory: Directory,
  nickname: string,
  etcd: boolean,
): Promise<NetworkFound> {
  const { arbiter, volcanos } = ring.projection;
  const findings = await judged(ring, directory, nickname);
  const answered = await askEvery(ring, async (_, member) => {
    const [figures, flare] = await Promise.all([
      ring.figures(member),
      opens(member.addresses.map((address) => ({ address, port: member.flarePort }))),
    ]);
    return { ...figures, flare };
  });
  const silent = answered.flatMap((one) => ('problem' in one ? [one.problem] : []));
  const closed = answered.flatMap((one) =>
    'answer' in one && !one.answer.flare
      ? [`port ${one.member.flarePort} of ${one.volcano} is closed to this machine`]
      : [],
  );
  const problems = [...silent, ...closed];
  findings.push(
    problems.length === 0
      ? {
          check: 'volcanos',
          result: 'yes',
          text: `${answered.map(({ volcano }) => volcano).join(', ')}: all answer this machine`,
        }
      : {
          check: 'volcanos',
          result: silent.length + closed.length === volcanos.length ? 'no' : 'mind',
          text: problems.join('; '),
        },
  );
  const keeper = arbiter === null ? null : memberOf(ring.projection, arbiter)!;
  const keeps = answered.some((one) => 'answer' in one && one.member.id === arbiter);
  findings.push(mapsFinding(keeper?.nickname ?? null, keeps, etcd));
  const free = answered.flatMap((one) => ('answer' in one ? [one.answer.availableBytes] : []));
  return { findings, free };
}
