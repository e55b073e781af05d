import fc from 'fast-check';
import t from 'tap';
import { type Random, seededRandom } from '../../base/random.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import type { FlareService } from '../../flare/service.ts';
import { ALICE, BOB, DIRECTORY, FILE, ROOT } from '../../flare/store/testing/harness.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import type { Caller } from '../../flare/types.ts';
import { CONF_BYTES_MAX, CONF_NAME, type Conf, formatConf, parseConf } from '../crypto/conf.ts';
import { DIRIV_NAME } from '../crypto/names.ts';
import { CONF } from '../crypto/testing/gocryptfs-tree.ts';
import { readConfFile, replaceConfFile } from './conf-file.ts';
import { checkEmpty, checkRootIv, makeTree } from './new-tree.ts';
import { TreeError } from './tree-error.ts';

const SAMPLE = parseConf(Buffer.from(CONF));

function memory(): MemoryService {
  return new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
}

function confOf(creator: string): Conf {
  return { ...SAMPLE, creator };
}

async function names(service: FlareService, directory = service.root()): Promise<string[]> {
  const { entries } = await service.readdir(ROOT, directory, 0, 1000);
  return entries.map(({ name }) => name).sort();
}

/** What a service is asked goes through `between` first. */
function watched(service: FlareService, between: (call: string) => Promise<void>): FlareService {
  return new Proxy(service, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name === 'root') return () => target.root();
      return async (...args: unknown[]) => {
        await between(String(name));
        return member.apply(target, args);
      };
    },
  });
}

function parts(service: FlareService, random: Random, caller: Caller = ROOT) {
  return { service, caller, top: service.root(), random, ignored: [] };
}

const CRASHED = new Error('the client is gone');

t.test('a new tree: two files, with the permissions that gocryptfs gives them, owned by who makes it', async (t) => {
  const service = memory();
  await makeTree(parts(service, seededRandom(2), ALICE), SAMPLE);
  t.same(await names(service), [CONF_NAME, DIRIV_NAME]);
  const { uid, gid } = ALICE;
  t.match(await service.lookup(ROOT, service.root(), CONF_NAME), { mode: 0o400, uid, gid, nlink: 1 });
  t.match(await service.lookup(ROOT, service.root(), DIRIV_NAME), { mode: 0o444, uid, gid, nlink: 1, size: 16 });
  t.same((await readConfFile(service, ALICE, service.root()))?.conf, SAMPLE);
  await t.rejects(readConfFile(service, BOB, service.root()), { message: 'ACCES' });
  await checkRootIv(service, BOB, service.root());
});

t.test('of several at once one makes the tree, and the others are told that there is one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, count) => {
      const service = memory();
      const makers = Array.from({ length: count }, async (_, number) => {
        const slow = watched(service, (call) => scheduler.schedule(Promise.resolve(), call));
        return makeTree(parts(slow, seededRandom(number)), confOf(`maker ${number}`));
      });
      const ended = Promise.allSettled(makers);
      await scheduler.waitFor(ended);
      const outcomes = await ended;
      const made = outcomes.flatMap(({ status }, number) => (status === 'fulfilled' ? [number] : []));
      const refused = outcomes.filter(
        (outcome) =>
          outcome.status === 'rejected' &&
          outcome.reason instanceof TreeError &&
          ['tree-there', 'not-empty'].includes(outcome.reason.fault),
      );
      await checkRootIv(service, ROOT, service.root());
      const { conf } = (await readConfFile(service, ROOT, service.root()))!;
      return (
        made.length === 1 &&
        refused.length === count - 1 &&
        conf.creator === `maker ${made[0]}` &&
        (await names(service)).join() === `${CONF_NAME},${DIRIV_NAME}`
      );
    }),
    { numRuns: 100 },
  );
});

t.test('after a crash between any two steps there is a whole tree, or the next attempt makes one', async (t) => {
  const outcomes = new Set<string>();
  for (let steps = 0; ; steps++) {
    const service = memory();
    let left = steps;
    const dying = watched(service, async () => {
      if (left-- === 0) throw CRASHED;
    });
    // Nothing of what a `finally` does comes to pass either: all that is asked later fails, too.
    const crashed = await makeTree(parts(dying, seededRandom(3)), confOf('first')).then(
      () => false,
      () => true,
    );
    if (!crashed) break;
    const dead = (await names(service)).length;
    const found = await readConfFile(service, ROOT, service.root());
    const again = makeTree(parts(service, seededRandom(4)), confOf('second'));
    if (found === null) {
      await again;
      outcomes.add(`made anew, ${dead} left over`);
    } else {
      await t.rejects(again, { fault: 'tree-there', message: /is an encrypted tree already/ });
      outcomes.add('was whole');
    }
    t.equal((await readConfFile(service, ROOT, service.root()))?.conf.creator, found === null ? 'second' : 'first');
    await checkRootIv(service, ROOT, service.root());
    t.same(await names(service), [CONF_NAME, DIRIV_NAME], `after ${steps} calls`);
  }
  t.ok(outcomes.has('was whole') && outcomes.has('made anew, 2 left over'), [...outcomes].join('; '));
});

t.test('only an empty directory becomes a tree; what the network shows in its root does not count', async (t) => {
  const service = memory();
  await service.create(ROOT, service.root(), '.dht', DIRECTORY);
  const where = { ...parts(service, seededRandom(5)), ignored: ['.dht'] };
  await checkEmpty(where);
  await t.rejects(checkEmpty({ ...where, ignored: [] }), { fault: 'not-empty', message: /not empty\. Cure: make an/ });
  await service.create(ROOT, service.root(), 'file', FILE);
  await t.rejects(makeTree(where, SAMPLE), { fault: 'not-empty', message: /not empty/ });
  t.same(await names(service), ['.dht', 'file'], 'nothing was made');
  await service.create(ROOT, service.root(), DIRIV_NAME, FILE);
  await t.rejects(makeTree(where, SAMPLE), { message: /has lost its gocryptfs\.conf: put a copy/ });
  await service.remove(ROOT, service.root(), 'file');
  await t.rejects(makeTree(where, SAMPLE), { fault: 'damaged', message: /diriv is no directory IV\. Cure/ });
  await service.remove(ROOT, service.root(), DIRIV_NAME);
  await t.rejects(checkRootIv(service, ROOT, service.root()), { fault: 'damaged', message: /there is no gocryptfs/ });
  await makeTree(where, SAMPLE);
  await t.rejects(checkEmpty(where), { fault: 'tree-there', message: /mount it, or take/ });
});

t.test('gocryptfs.conf is read in bounds, and only if it is a file', async (t) => {
  const service = memory();
  t.equal(await readConfFile(service, ROOT, service.root()), null);
  const id = await service.create(ROOT, service.root(), CONF_NAME, FILE);
  await t.rejects(readConfFile(service, ROOT, service.root()), { fault: 'CONF_BROKEN', message: /no JSON/ });
  await service.write(ROOT, id, 0, Buffer.from(`${CONF}${' '.repeat(CONF_BYTES_MAX - CONF.length)}`));
  t.same((await readConfFile(service, ROOT, service.root()))?.conf, SAMPLE);
  await service.setattr(ROOT, id, { size: 2 ** 40 });
  await t.rejects(readConfFile(service, ROOT, service.root()), { fault: 'CONF_BROKEN', message: /most is 65536/ });
  await service.remove(ROOT, service.root(), CONF_NAME);
  await service.create(ROOT, service.root(), CONF_NAME, DIRECTORY);
  await t.rejects(readConfFile(service, ROOT, service.root()), { fault: 'damaged', message: /is no file/ });
});

t.test('it is replaced whole or not at all, and only if it is what was read; its owner and mode stay', async (t) => {
  const service = memory();
  await makeTree(parts(service, seededRandom(6), ALICE), SAMPLE);
  const top = service.root();
  const old = (await readConfFile(service, ALICE, top))!;
  let calls: string[] = [];
  const spied = watched(service, async (call) => void calls.push(call));
  await replaceConfFile(spied, ALICE, old, confOf('short'));
  t.same(calls, ['write'], 'one step');
  const short = (await readConfFile(service, ALICE, top))!;
  t.equal(short.conf.creator, 'short');
  t.match(short.attributes, { mode: 0o400, uid: ALICE.uid, gid: ALICE.gid, size: old.attributes.size });
  await t.rejects(replaceConfFile(service, ALICE, old, confOf('late')), { fault: 'changed', message: /try again/ });
  t.equal((await readConfFile(service, ALICE, top))?.conf.creator, 'short');
  await replaceConfFile(service, ALICE, short, confOf('x'.repeat(200)));
  const long = (await readConfFile(service, ALICE, top))!;
  t.equal(long.conf.creator, 'x'.repeat(200));
  t.equal(long.attributes.size, formatConf(long.conf).length);
  await t.rejects(replaceConfFile(service, BOB, long, SAMPLE), { message: 'ACCES' });
  calls = [];
  const others = { note: 'n'.repeat(CONF_BYTES_MAX) };
  await t.rejects(replaceConfFile(spied, ALICE, long, { ...SAMPLE, others }), {
    fault: 'CONF_BROKEN',
    message: /most is/,
  });
  t.same(calls, []);
  // As gocryptfs itself does it: another file in its place.
  const other = await service.create(ALICE, top, 'new', FILE);
  await service.write(ALICE, other, 0, Buffer.from(CONF));
  await service.rename(ALICE, top, 'new', top, CONF_NAME);
  await t.rejects(replaceConfFile(service, ALICE, long, SAMPLE), { fault: 'changed', message: /try again/ });
});
