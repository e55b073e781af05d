import t from 'tap';
import type { SimulatedHost } from '../../base/simulated/host.ts';
import { createPlainSecureNet } from '../../base/simulated/plain-secure-net.ts';
import { FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { secretOfClient } from '../client-secret.ts';
import { Link } from '../link.ts';
import { readProjection } from '../programs/flare/remote-service.ts';
import { FLARE_REPLY_BYTES_MAX } from '../programs/flare/schema.ts';
import { NodeClient } from '../programs/node/client.ts';
import { checkFiles, MIRRORED, mirroredRing, planned } from '../testing/mirrored.ts';
import { operatorLink } from '../testing/operator.ts';
import { FLARE_PORT, quickKeyring, type VirtualRing } from '../testing/virtual-ring.ts';
import type { NetworkKey } from './chain.ts';
import { KEYS_MS, TOLD_MS } from './keeper.ts';
import { CHECK_NOTE } from './plan.ts';
import { back, end, type RotationParts, rotate } from './rotate.ts';

/* The network's key is changed while all goes on (docs/operating.md, "Keys"). */

const OLD = 'm4gm4s3cr3t';
const NEW = 'another';
/** Each has a host of its own. */
let hosts = 0;
function hostOf(ring: VirtualRing): SimulatedHost {
  hosts += 1;
  return ring.network.host(`host ${hosts}`, [`10.7.0.${hosts}`]);
}

async function keyOf(ring: VirtualRing, key: string): Promise<NetworkKey> {
  const keyring = quickKeyring(key);
  const networkId = Buffer.from(ring.volcanos[0]!.up.networkId, 'hex');
  return { secrets: await keyring.network(networkId), joiner: await keyring.joiner() };
}

/** The operator's tool, with a key, beside all volcanos, also those that are away. */
async function tool(ring: VirtualRing, key = OLD, tell: (step: string) => void = () => {}) {
  const { networkId } = ring.volcanos[0]!.up;
  const clock = ring.time.clock();
  const process = hostOf(ring).process(clock);
  const volcanos = [];
  for (const { nickname, seed } of ring.volcanos) {
    const random = ring.random();
    const link = await operatorLink({ process, clock, random, networkId, name: nickname, to: seed, key });
    volcanos.push({ nickname, node: new NodeClient(link, () => ring.volcanos[0]!.ring?.projection().epoch ?? 0) });
  }
  const now = (): number => clock.now() / 1_000_000;
  const parts: RotationParts = { volcanos, now, pause: () => ring.pause(1000), tell };
  return { parts, now, gone: () => process.kill() };
}

/** What a client with that key of the network is answered by each volcano that runs. */
async function client(ring: VirtualRing, key: string): Promise<string[]> {
  const clock = ring.time.clock();
  const { secrets } = await keyOf(ring, key);
  const process = hostOf(ring).process(clock);
  const net = createPlainSecureNet(process, clock, {
    keyOf: () => null,
    self: secretOfClient(secrets, { name: 'laptop', number: 1 }),
  });
  const told: string[] = [];
  for (const { ring: up, nickname: name, address } of ring.volcanos) {
    if (up === null) continue;
    const link = new Link({
      net,
      clock,
      random: ring.random(),
      name,
      to: [{ address, port: FLARE_PORT }],
      replyBytes: FLARE_REPLY_BYTES_MAX,
    });
    const one = readProjection(link, 0).then(
      () => 'let in',
      (error: Error) => error.message,
    );
    told.push(await ring.settle(one));
  }
  process.kill();
  return told;
}

/** Which keys each volcano that runs has, and calls others with, as it tells itself. */
async function kept(ring: VirtualRing, key: string): Promise<{ keyId: string; has: readonly string[] }[]> {
  const { parts, gone } = await tool(ring, key);
  const told = [];
  for (const [number, { node }] of parts.volcanos.entries()) {
    if (ring.volcanos[number]!.ring === null) continue;
    const { keyId, has } = await ring.settle(node.keys());
    told.push({ keyId, has });
  }
  gone();
  return told;
}

t.test(
  'The key is changed under load with a volcano away: no call fails, it gets the key when it comes back, and from the date on the old one opens nothing',
  async (t) => {
    const ring = await mirroredRing(3);
    const [from, to] = [(await keyOf(ring, OLD)).secrets.keyId, await keyOf(ring, NEW)];
    ring.kill(2);
    await ring.time.run(40_000);
    const { flares } = ring.volcanos[0]!.up;
    const names: string[] = [];
    let over = false;
    const writing = (async () => {
      while (!over) {
        const name = `f${names.length}`;
        const file = await flares.create(ROOT, flares.root(), name, FILE);
        await flares.write(ROOT, file, 0, Buffer.from(name));
        names.push(name);
        await ring.pause(400);
      }
    })();
    const { parts, now, gone } = await tool(ring);
    const until = Math.floor(now()) + 90;
    const { plan, away } = await ring.settle(rotate(parts, to, until));
    t.same(away, ['v2']);
    t.match(plan, { dial: to.secrets.keyId, accept: [from, to.secrets.keyId], until });
    t.same(
      await kept(ring, OLD),
      [0, 1].map(() => ({ keyId: to.secrets.keyId, has: [from, to.secrets.keyId] })),
    );
    t.same(await client(ring, OLD), ['let in', 'let in'], 'the old one is still let in');
    t.same(await client(ring, NEW), ['let in', 'let in']);
    const { users } = await ring.settle(parts.volcanos[0]!.node.keys());
    t.ok(
      users.some(({ client: who, keyId }) => who?.name === 'laptop' && keyId === from),
      'it is shown who has the old one',
    );

    const { view } = ring.volcanos[0]!.up;
    t.match(view.figures(view.self)!.figures.keys, { plan: 2, old: { until, clients: 1 } });
    await ring.time.run(TOLD_MS + KEYS_MS);
    for (const { warnings } of ring.volcanos.slice(0, 2))
      t.equal(
        warnings.filter((line) => /^OLD KEY: that of the network is let in until .* v2 has no other yet/.test(line))
          .length,
        1,
        'loud, since the time is nearly over, and said once',
      );

    await ring.start(2, MIRRORED);
    await planned(ring);
    await ring.time.run(2 * KEYS_MS);
    t.match((await kept(ring, OLD))[2], { keyId: to.secrets.keyId, has: [from, to.secrets.keyId] }, 'it got the key');
    gone();

    await ring.time.run(Math.max(0, until - now()) * 1000 + KEYS_MS);
    over = true;
    await ring.settle(writing);
    t.same(
      await kept(ring, NEW),
      [0, 1, 2].map(() => ({ keyId: to.secrets.keyId, has: [to.secrets.keyId] })),
    );
    for (const told of await client(ring, OLD)) t.match(told, /does not have the same key/);
    t.same(await client(ring, NEW), ['let in', 'let in', 'let in']);
    for (const { warnings } of ring.volcanos)
      t.equal(
        warnings.filter((line) => /refused: laptop .number 1. has an old key of the network/.test(line)).length,
        1,
      );
    // Nobody has given it the new key: its data directory has it.
    await ring.stop(1);
    await ring.start(1, MIRRORED);
    t.ok(ring.volcanos[1]!.warnings.some((line) => /given is an old one.*Cure/.test(line)));
    await checkFiles(t, ring, names);
    t.ok(names.length > 50);
    await ring.close();
  },
);

t.test('Who was away until after the date is refused with the old key, and taken with the new one', async (t) => {
  const ring = await mirroredRing(2);
  const to = await keyOf(ring, NEW);
  ring.kill(1);
  await ring.time.run(40_000);
  const { parts, now } = await tool(ring);
  await ring.settle(rotate(parts, to, Math.floor(now()) + 20));
  await ring.time.run(30_000);
  const wrong = { ...MIRRORED, key: 'guess', isKeyKnown: () => false };
  await t.rejects(ring.start(1, wrong), {
    name: 'KeyError',
    message: /not the key of the network in the data directory.*Cure/,
  });
  await ring.stop(1);
  await ring.start(1, { ...MIRRORED, key: NEW, isKeyKnown: () => false });
  await planned(ring);
  t.same(await client(ring, NEW), ['let in', 'let in']);
  await ring.stop(1);
  await ring.start(1, { ...MIRRORED, key: NEW });
  t.same(
    await kept(ring, NEW),
    [0, 1].map(() => ({ keyId: to.secrets.keyId, has: [to.secrets.keyId] })),
  );
  await ring.close();
});

t.test('Broken off after each step, with a volcano that loses its power there, it is gone on with', async (t) => {
  for (let at = 1; at <= 3; at++) {
    const ring = await mirroredRing(2);
    const to = await keyOf(ring, NEW);
    let steps = 0;
    const dying = await tool(ring, OLD, () => {
      steps += 1;
      if (steps < at) return;
      ring.kill(1, 'power');
      throw new Error('the tool was killed');
    });
    await t.rejects(ring.settle(rotate(dying.parts, to, 0)), { message: 'the tool was killed' });
    dying.gone();
    await ring.start(1, MIRRORED);
    await planned(ring);
    const again = await tool(ring);
    t.same((await ring.settle(rotate(again.parts, to, 0))).away, []);
    const { has } = (await kept(ring, OLD))[1]!;
    t.same(
      await kept(ring, OLD),
      [0, 1].map(() => ({ keyId: to.secrets.keyId, has })),
      `after step ${at}`,
    );
    t.same((await ring.settle(rotate(again.parts, to, 0))).away, [], 'once more changes nothing');
    await t.rejects(ring.settle(back(again.parts)), {
      name: 'RotationError',
      message: /call each other with the new key already/,
    });
    await ring.settle(end(again.parts));
    await ring.time.run(KEYS_MS);
    t.same(
      await kept(ring, NEW),
      [0, 1].map(() => ({ keyId: to.secrets.keyId, has: [to.secrets.keyId] })),
    );
    await ring.close();
  }
});

t.test('As long as it is not in use it is called back', async (t) => {
  const ring = await mirroredRing(2);
  const from = (await keyOf(ring, OLD)).secrets.keyId;
  const first = await tool(ring);
  await t.rejects(ring.settle(rotate(first.parts, await keyOf(ring, OLD), 0)), {
    message: /that is the key that the network has/,
  });
  const { notes } = ring.volcanos[0]!.up;
  await ring.settle(notes.setNote(CHECK_NOTE, Buffer.from('of the first key')));
  const stopping = await tool(ring, OLD, (step) => {
    if (/let it in/.test(step)) throw new Error('enough');
  });
  await t.rejects(ring.settle(rotate(stopping.parts, await keyOf(ring, NEW), 0)), { message: 'enough' });
  t.same(await client(ring, NEW), ['let in', 'let in']);
  const { parts } = await tool(ring);
  await t.rejects(ring.settle(rotate(parts, await keyOf(ring, 'third'), 0)), { message: /to another one already/ });
  await t.rejects(ring.settle(end(parts)), { message: /do not call each other with the new key yet/ });
  await ring.settle(back(parts));
  t.equal(notes.note(CHECK_NOTE), null, 'a network that is restored is not held against its first key');
  await ring.time.run(KEYS_MS);
  t.same(
    await kept(ring, OLD),
    [0, 1].map(() => ({ keyId: from, has: [from] })),
  );
  for (const told of await client(ring, NEW)) t.match(told, /does not have the same key/);
  await ring.close();
});
