import t from 'tap';
import { FlareError } from '../../flare/errors.ts';
import { keyOf, ROOT_KEY, sliceOf } from '../../flare/keys.ts';
import { RetryError } from '../owners.ts';
import type { Peers } from '../peers.ts';
import type { Projection } from '../projection/types.ts';
import { alone, member } from '../testing/members.ts';
import { askCopies, holdersOf } from './copies.ts';

const ID = { key: keyOf(ROOT_KEY, 'x'), generation: 1 };
const BYTES = Buffer.from('what was lost');

/** A map in which the slice of `ID` has this primary, and these mirrors in sync. */
function mapOf(primary: number, inSync: readonly number[], filling: readonly number[] = []): Projection {
  const projection = alone({ replicas: 3 });
  const map = projection.map.map(() => ({ primary, inSync: [...inSync], filling: [...filling] }));
  return { ...projection, volcanos: [0, 1, 2, 3].map((at) => ({ ...member(at), state: 'serving' as const })), map };
}

/** Asks as volcano `self`; the others answer so. */
async function ask(self: number, map: Projection | null, answers: Record<number, Buffer | null | Error>) {
  const asked: number[] = [];
  const contents = (at: number) => async () => {
    asked.push(at);
    const answer = answers[at];
    if (answer instanceof Error) throw answer;
    return answer ?? null;
  };
  const peers = {
    peer: (id: string) => ({ node: { contents: contents([0, 1, 2, 3].findIndex((at) => member(at).id === id)) } }),
  } as unknown as Peers;
  const fetch = askCopies(member(self).id, { projection: () => map, peers });
  const found = await fetch(ID, 7, 0, BYTES.length).catch((error: Error) => error.message);
  return { found, asked };
}

t.test('Who has a slice, by the map: its primary and those in sync, not those that are being filled', async (t) => {
  const map = mapOf(2, [3, 0], [1]);
  t.same(
    holdersOf(map, sliceOf(ID.key)),
    [2, 3, 0].map((at) => member(at).id),
  );
  t.same(holdersOf(map, 256), []);
});

t.test('Copies are asked one after the other until one gives the bytes, by a primary and by a mirror', async (t) => {
  t.same(await ask(2, mapOf(2, [3, 0]), { 3: BYTES }), { found: BYTES, asked: [3] });
  t.same(await ask(0, mapOf(2, [3, 0]), { 2: FlareError.of('IO'), 3: BYTES }), { found: BYTES, asked: [2, 3] });
  t.same(await ask(0, mapOf(2, [3, 0]), { 2: null, 3: BYTES }), { found: BYTES, asked: [2, 3] });
  t.same(await ask(0, mapOf(2, [0]), { 2: Buffer.from('short') }), { found: null, asked: [2] });
});

t.test('Who may give them later is asked again; who has no other, or is none itself, is told so', async (t) => {
  t.same(await ask(2, mapOf(2, [3]), { 3: new RetryError('it is away') }), { found: null, asked: [3] });
  t.same(await ask(2, mapOf(2, [3]), { 3: new Error('damaged there too') }), {
    found: 'damaged there too',
    asked: [3],
  });
  t.same(await ask(2, mapOf(2, [], [3]), { 3: BYTES }), { found: 'this volcano has the only copy', asked: [] });
  const none = 'the map does not count on what this volcano has there';
  t.same(await ask(1, mapOf(2, [3], [1]), { 2: BYTES }), { found: none, asked: [] });
  t.same(await ask(1, null, { 2: BYTES }), { found: none, asked: [] });
});
