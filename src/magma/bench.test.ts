import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { FlareError } from '../flare/errors.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { benchIn, benchText } from './bench.ts';
import { type BenchResult, BLOCK_BYTES, CALLS_MAX, quantileOf, STREAM_BLOCK_BYTES } from './bench-steps.ts';

const MIB = 1024 * 1024;

function memory(): MemoryService {
  return new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
}

async function names(tree: MemoryService): Promise<string[]> {
  return (await tree.readdir({ uid: 0, gid: 0, gids: [] }, tree.root(), 0, 100)).entries.map(({ name }) => name);
}

t.test('a bench measures every step, writes no more than it may, and leaves nothing behind', async (t) => {
  const tree = memory();
  const ends = new Map<string, number>();
  const write = tree.write.bind(tree);
  tree.write = (caller, id, offset, data) => {
    ends.set(id.key, Math.max(ends.get(id.key) ?? 0, offset + data.length));
    return write(caller, id, offset, data);
  };
  const results: BenchResult[] = [];
  const limits = { stepMs: 50, bytesMax: MIB, signal: new AbortController().signal };
  await benchIn(tree, tree.root(), '/', limits, (result) => results.push(result));
  t.same(
    results.map(({ step }) => step),
    ['create', 'getattr', 'write', 'read', 'write stream', 'read stream'],
  );
  const streams = results.flatMap((one) => (one.kind === 'throughput' ? [one] : []));
  t.ok(streams.every(({ bytes }) => bytes <= MIB / 2 && bytes % STREAM_BLOCK_BYTES === 0));
  for (const one of results) {
    if (one.kind !== 'latency') continue;
    t.ok(one.calls > 0 && one.calls <= CALLS_MAX, one.step);
    t.ok(one.medianMs <= one.p99Ms && one.p99Ms <= one.maxMs, one.step);
  }
  const held = [...ends.values()].reduce((sum, bytes) => sum + bytes, 0);
  t.ok(held > 0 && held <= MIB, `${held} bytes`);
  t.same(await names(tree), []);
  t.match(benchText(results), /^step +done +rate +median ms +p99 ms +longest ms\ncreate +\d+ calls +\d+ calls\/s/);
});

t.test('a bench that is refused or broken off tells why, and leaves nothing behind either', async (t) => {
  const signal = new AbortController().signal;
  const full = memory();
  const write = full.write.bind(full);
  let writes = 0;
  full.write = (...args) => {
    writes += 1;
    if (writes > 5) throw FlareError.of('NOSPC');
    return write(...args);
  };
  const run = (tree: MemoryService, limits: object) =>
    benchIn(tree, tree.root(), '/', { stepMs: 50, bytesMax: MIB, signal, ...limits }, () => {});
  await t.rejects(run(full, {}), { name: 'FileProblem', message: /no space left/ });
  t.same(await names(full), []);

  const broken = new AbortController();
  const other = memory();
  const getattr = other.getattr.bind(other);
  other.getattr = (id) => {
    broken.abort(new Error('broken off'));
    return getattr(id);
  };
  await t.rejects(run(other, { signal: broken.signal }), { message: 'broken off' });
  t.same(await names(other), []);

  const small = memory();
  small.statfs = () => ({ totalBytes: MIB, freeBytes: MIB, availableBytes: MIB, flares: 1 });
  await t.rejects(run(small, {}), { message: /1\.0 MiB are free.*Cure: a smaller --size/ });
  t.same(await names(small), [], 'nothing was made');
});

t.test('a bench says what it could not remove, and how that goes', async (t) => {
  const tree = memory();
  tree.rmdir = () => {
    throw FlareError.of('IO');
  };
  const limits = { stepMs: 5, bytesMax: MIB, signal: new AbortController().signal };
  await t.rejects(
    benchIn(tree, tree.root(), '/', limits, () => {}),
    { message: /is not removed.*Cure: magma rm -r \/\.magma-bench-[0-9a-f]{12}$/ },
  );
});

t.test('of a hundred times the median is the 50th, and p99 the 99th', async (t) => {
  const times = Array.from({ length: 100 }, (_, at) => at + 1);
  t.same(
    [0.5, 0.99, 1].map((share) => quantileOf(times, share)),
    [50, 99, 100],
  );
  t.same([quantileOf([7], 0.5), quantileOf([7], 0.99)], [7, 7]);
  t.equal(BLOCK_BYTES % 4096, 0);
});
