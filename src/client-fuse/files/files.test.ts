import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import { type Attributes, FlareType } from '../../flare/types.ts';
import { GROUPS_MAX, Groups } from './groups.ts';
import { Handles } from './handles.ts';
import { Nodes } from './nodes.ts';

/* What the kernel knows and has open is bounded; whose groups count, and for how long. */

const ROOT = { uid: 0, gid: 0, gids: [] };

function flares(count: number): { root: Attributes; files: Attributes[] } {
  const service = new MemoryService({ clock: manualClock(), random: seededRandom(1) });
  const birth = { type: FlareType.file, mode: 0o644 } as const;
  const files = Array.from({ length: count }, (_, at) => service.create(ROOT, service.root(), `f${at}`, birth));
  return { root: service.getattr(service.root()), files };
}

t.test('nodes above the bound are refused with ENOMEM until the kernel forgets some', async (t) => {
  const { root, files } = flares(3);
  const nodes = new Nodes(root, 3);
  const [first, second] = files.map((file, at) => (at < 2 ? nodes.refer(file) : null));
  t.throws(() => nodes.refer(files[2]!), { code: 'ENOMEM' });
  t.equal(nodes.refer(files[0]!), first, 'those that are known are no new ones');
  nodes.forget(first!.nodeid, 1);
  t.throws(() => nodes.refer(files[2]!), { code: 'ENOMEM' });
  nodes.forget(first!.nodeid, 1);
  t.equal(nodes.refer(files[2]!).lookups, 1);
  nodes.forget(second!.nodeid, Number.POSITIVE_INFINITY);
  t.throws(() => nodes.get(second!.nodeid), { code: 'ESTALE' });
});

t.test('open files and directories above the bound are refused with ENFILE', async (t) => {
  const { root, files } = flares(1);
  const nodes = new Nodes(root);
  const node = nodes.refer(files[0]!);
  const handles = new Handles(2);
  const file = handles.add(node, ROOT, {});
  handles.add(nodes.root, ROOT, { directory: true });
  t.throws(() => handles.add(node, ROOT, {}), { code: 'ENFILE' });
  t.same([handles.files, node.opens], [1, 1], 'directories are not counted among files');
  handles.remove(file, node.nodeid);
  t.same([handles.files, node.opens], [0, 0]);
  t.not(handles.add(node, ROOT, {}), file, 'numbers are not used again');
});

t.test('groups come from /proc, for a second, of who acts as that user, so many at most', async (t) => {
  const clock = manualClock();
  const asked: number[] = [];
  let line = 'Groups:\t4 24 1000 \n';
  const groups = new Groups(clock, (pid) => {
    asked.push(pid);
    return pid === 9 ? null : `Name:\tsh\nGid:\t1\t1\t1\t1\n${line}NStgid:\t7\n`;
  });
  t.same(groups.of(7, 1000), [4, 24, 1000]);
  line = 'Groups:\t \n';
  t.same(groups.of(7, 1000), [4, 24, 1000]);
  t.same(groups.of(7, 1001), [], 'another user');
  clock.advance(1000);
  t.same(groups.of(7, 1000), []);
  t.same(groups.of(9, 1000), [], 'nobody there');
  t.same([groups.of(7, 0), groups.of(0, 5)], [[], []]);
  t.same(asked, [7, 7, 7, 9]);
  line = `Groups:\t${Array.from({ length: 200 }, (_, at) => at).join(' ')}\n`;
  t.equal(groups.of(8, 1000).length, GROUPS_MAX);
});
