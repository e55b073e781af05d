import t, { type Test } from 'tap';
import { sliceOf } from '../../flare/keys.ts';
import { DIRECTORY, FILE, ROOT, statusOf } from '../../flare/store/testing/harness.ts';
import type { Attributes } from '../../flare/types.ts';
import { NearRing } from '../testing/near-ring.ts';

/* What is refused after looks at several owners is refused as at one moment (docs/ring-testing.md, "What it has found"). */

async function ringOf(t: Test): Promise<NearRing> {
  const ring = await NearRing.open({ volcanos: 3, seed: 5 });
  t.teardown(() => ring.close());
  return ring;
}

/** Directories in the root, until there are two of different owners; the first of them is that of the owner of the root. */
async function twoOwners(ring: NearRing): Promise<readonly [Attributes, Attributes]> {
  const root = ring.root();
  const found = new Map<number, Attributes>();
  for (let at = 0; found.size < 2; at++) {
    const made = await ring.during(Promise.resolve(ring.volcanos[0]!.router.create(ROOT, root, `d${at}`, DIRECTORY)));
    found.set(ring.ownerOf(sliceOf(made.key)), made);
  }
  const [one, other] = [...found.values()];
  return [one!, other!];
}

/** What the owner of a flare is asked of it once is answered, and then that happens before the answer arrives. */
function after(ring: NearRing, flare: Attributes, happens: () => Promise<void>): void {
  const { router } = ring.volcanos[ring.ownerOf(sliceOf(flare.key))]!;
  const getattr = router.getattr.bind(router);
  router.getattr = (id) => {
    if (id.key !== flare.key) return getattr(id);
    router.getattr = getattr;
    return (async () => {
      const answer = await getattr(id);
      await happens();
      return answer;
    })();
  };
}

t.test('RENAME: when the name and the other directory go together, the answer is STALE, not NOENT', async (t) => {
  const ring = await ringOf(t);
  const [from, to] = await twoOwners(ring);
  const { router } = ring.volcanos[ring.ownerOf(sliceOf(from.key))]!;
  const root = ring.root();
  const name = (await ring.during(Promise.resolve(router.readdir(ROOT, root, 0, 100)))).entries.find(
    ({ fileid }) => fileid === to.fileid,
  )!.name;
  await ring.during(Promise.resolve(router.create(ROOT, from, 'a', FILE)));
  after(ring, to, async () => {
    await router.rmdir(ROOT, root, name);
    await router.remove(ROOT, from, 'a');
  });
  t.equal(await ring.during(statusOf(() => router.rename(ROOT, from, 'a', to, 'b'))), 'STALE');
  t.equal(await ring.during(statusOf(() => router.rename(ROOT, from, 'a', from, 'b'))), 'NOENT');
});

t.test('LINK: when the name comes after the flare has gone, the answer is STALE, not EXIST', async (t) => {
  const ring = await ringOf(t);
  const [directory, other] = await twoOwners(ring);
  const { router } = ring.volcanos[ring.ownerOf(sliceOf(directory.key))]!;
  let file: Attributes | null = null;
  let made = '';
  for (let at = 0; file === null; at++) {
    made = `f${at}`;
    const one = await ring.during(Promise.resolve(router.create(ROOT, other, made, FILE)));
    if (ring.ownerOf(sliceOf(one.key)) !== ring.ownerOf(sliceOf(directory.key))) file = one;
  }
  const flare = file;
  after(ring, flare, async () => {
    await router.remove(ROOT, other, made);
    await router.create(ROOT, directory, 'a', FILE);
  });
  t.equal(await ring.during(statusOf(() => router.link(ROOT, flare, directory, 'a'))), 'STALE');
});
