import t from 'tap';
import { MemoryNotes } from '../../flare/testing/memory-notes.ts';
import { quickKeyring } from '../testing/virtual-ring.ts';
import { KEYS_MAX, KeyChain, type NetworkKey, RETIRED_MAX } from './chain.ts';
import { ACCEPTED_MAX, type KeyPlan } from './plan.ts';

const NETWORK = Buffer.alloc(16, 1);

async function keyOf(text: string): Promise<NetworkKey> {
  const keyring = quickKeyring(text);
  return { secrets: await keyring.network(NETWORK), joiner: await keyring.joiner() };
}

const keysOf = (count: number): Promise<NetworkKey[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => keyOf(`key ${at}`)));
const idOf = ({ secrets }: NetworkKey): string => secrets.keyId;

/** Goes on to the next key, as a rotation that has ended: what was let in is let in no more. */
const goesTo = (chain: KeyChain, key: NetworkKey, number: number): Promise<void> =>
  chain.follow({ number, dial: idOf(key), accept: [idOf(key)], until: 0 }, [key]);

t.test('However many keys a volcano is given it keeps so many, those that are let in among them', async (t) => {
  const [first, second, ...more] = await keysOf(ACCEPTED_MAX + 3);
  const notes = new MemoryNotes();
  const chain = new KeyChain(notes, first!);
  const plan: KeyPlan = { number: 1, dial: idOf(second!), accept: [first!, second!].map(idOf), until: 0 };
  await chain.follow(plan, [second!]);
  for (const key of more) {
    await chain.take(key);
    t.same(chain.ids, [first!, second!, key].map(idOf), 'the last one takes the place of the one before');
    t.equal(chain.ids.length, KEYS_MAX);
    t.notOk(chain.accepts(idOf(key)), 'and is let in only when a plan says so');
  }
  const again = new KeyChain(notes, first!);
  t.same(again.ids, chain.ids, 'so its note says');
  t.same(again.plan, plan);
});

t.test(
  'So many keys that are let in no more are known by name; the oldest is forgotten, also over a restart',
  async (t) => {
    const [first, ...more] = await keysOf(RETIRED_MAX + 2);
    const notes = new MemoryNotes();
    const chain = new KeyChain(notes, first!);
    for (const [at, key] of more.entries()) await goesTo(chain, key, at + 1);
    for (const one of [chain, new KeyChain(notes, first!)]) {
      const known = [first!, ...more].map((key) => one.isRetired(idOf(key)));
      t.same(known, [false, ...Array.from({ length: RETIRED_MAX }, () => true), false]);
    }
    await goesTo(chain, more[0]!, RETIRED_MAX + 2);
    t.notOk(chain.isRetired(idOf(more[0]!)), 'who is let in again is not one of them');
  },
);
