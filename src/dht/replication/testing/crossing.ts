import { keyOf, sliceOf } from '../../../flare/keys.ts';
import { check, DIRECTORY, FILE, ROOT } from '../../../flare/store/testing/harness.ts';
import type { Attributes, Birth, FlareId, Name } from '../../../flare/types.ts';
import type { SliceRange } from '../../projection/types.ts';
import type { Router } from '../../router.ts';
import type { Mirrors } from './mirrors.ts';

/** One operation; asked again when it has happened, it is refused. */
export type Operation = (router: Router) => unknown;

/** A name whose newborn in that directory lies in one of those slices. */
function nameIn(directory: FlareId, { first, count }: SliceRange, word: string): Name {
  for (let n = 0; ; n++) {
    const slice = sliceOf(keyOf(directory.key, `${word}${n}`));
    if (slice >= first && slice < first + count) return `${word}${n}`;
  }
}

/** Makes a directory in `one` for each kind of operation, with what that needs in `other`; gives the operations, each of which touches both, by name. */
export async function crossing(router: Router, one: SliceRange, other: SliceRange): Promise<Map<string, Operation>> {
  const root = router.root();
  const made = async (at: FlareId, range: SliceRange, word: string, birth: Birth): Promise<[Name, Attributes]> => {
    const name = nameIn(at, range, word);
    return [name, await router.create(ROOT, at, name, birth)];
  };
  const found = new Map<string, Operation>();
  const where = `${one.first} to ${other.first}`;
  const add = (what: string, run: Operation): void => void found.set(`${what}, ${where}`, run);
  const at = async (word: string): Promise<Attributes> => (await made(root, one, `${word} ${where} `, DIRECTORY))[1];
  const create = await at('create');
  add('create', (on) => on.create(ROOT, create, nameIn(create, other, 'f'), FILE));
  const mkdir = await at('mkdir');
  add('mkdir', (on) => on.create(ROOT, mkdir, nameIn(mkdir, other, 'd'), DIRECTORY));
  const remove = await at('remove');
  const [gone] = await made(remove, other, 'f', FILE);
  add('remove', (on) => on.remove(ROOT, remove, gone));
  const rmdir = await at('rmdir');
  const [empty] = await made(rmdir, other, 'd', DIRECTORY);
  add('rmdir', (on) => on.rmdir(ROOT, rmdir, empty));
  const link = await at('link');
  const [, file] = await made(link, other, 'f', FILE);
  add('link', (on) => on.link(ROOT, file, link, 'second'));
  const from = await at('from');
  const [, to] = await made(from, other, 'to', DIRECTORY);
  const [moved] = await made(from, one, 'f', FILE);
  const [replaced] = await made(to, one, 'r', FILE);
  add('rename', (on) => on.rename(ROOT, from, moved, to, replaced));
  const above = await at('above');
  const [, goal] = await made(above, other, 'goal', DIRECTORY);
  const [below] = await made(above, one, 'd', DIRECTORY);
  add('rename of a directory', (on) => on.rename(ROOT, above, below, goal, 'new'));
  return found;
}

/** Begins them all, each at the router that it is given; gives the names of those that have been answered so far. */
export function begun(operations: ReadonlyMap<string, Operation>, routerOf: (at: number) => Router): Set<string> {
  const answered = new Set<string>();
  for (const [at, [name, run]] of [...operations].entries()) {
    Promise.resolve(run(routerOf(at))).then(
      () => answered.add(name),
      () => {},
    );
  }
  return answered;
}

/**
 * What is wrong at the end of a run, when all volcanos are up: what was answered has not happened, copies differ, or a volcano, each of which holds a copy of everything,
 * has no sound tree. Ends the run.
 */
export async function faultsAfter(
  ring: Mirrors,
  operations: ReadonlyMap<string, Operation>,
  answered: ReadonlySet<string>,
  whole: readonly number[],
): Promise<string[]> {
  await ring.quiet();
  const wrong = (await ring.differences()).slice(0, 5);
  const { router } = ring.primary.life!;
  const again = await ring.settle(Promise.allSettled([...operations.values()].map(async (run) => run(router))));
  for (const [at, name] of [...operations.keys()].entries()) {
    if (again[at]!.status === 'fulfilled' && answered.has(name))
      wrong.push(`${name} was answered, and had not happened`);
  }
  await ring.quiet();
  await ring.close();
  for (const number of whole) {
    const { faults, differences } = await ring.settle(check(ring.volcanos[number]!.disk));
    for (const { what, where } of faults.slice(0, 5)) wrong.push(`volcano ${number}: ${what}: ${where}`);
    wrong.push(...differences.slice(0, 5).map((one) => `volcano ${number}: ${JSON.stringify(one)}`));
  }
  return wrong;
}
