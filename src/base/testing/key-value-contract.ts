import t from 'tap';
import type { KeyValue } from '../key-value.ts';

/** What the contract is asked of. */
export interface KeyValueWorld {
  readonly name: string;
  readonly skip?: string | false;
  /** Two clients of one store that holds nothing below the prefixes of this test. */
  readonly open: (t: { teardown(end: () => Promise<void>): void }) => Promise<readonly [KeyValue, KeyValue]>;
}

const bytes = (text: string): Buffer => Buffer.from(text);
const always = { there: [], absent: [] };

/** What every `KeyValue` promises. */
export function keyValueContract({ name, skip = false, open }: KeyValueWorld): void {
  t.test(`${name}: the last key of a prefix, by its bytes, whoever has set it`, { skip }, async (t) => {
    const [one, other] = await open(t);
    t.equal(await one.last('a/'), null);
    const set = new Map(['a/02', 'a/10', 'a/09', 'b/99', 'a'].map((key) => [key, bytes(`of ${key}`)]));
    t.equal(await one.commit({ ...always, set }), true);
    t.strictSame(await other.last('a/'), { key: 'a/10', value: bytes('of a/10') });
    t.strictSame(await other.last('b/'), { key: 'b/99', value: bytes('of b/99') });
    await other.commit({ ...always, set: new Map([['a/11', Buffer.alloc(0)]]) });
    t.strictSame(await one.last('a/'), { key: 'a/11', value: Buffer.alloc(0) });
  });

  t.test(`${name}: a commit is made whole, or not at all when what must hold does not`, { skip }, async (t) => {
    const [one, other] = await open(t);
    t.equal(await one.commit({ ...always, absent: ['c/1'], set: new Map([['c/1', bytes('x')]]) }), true);
    const again = {
      there: [],
      absent: ['c/1'],
      set: new Map([
        ['c/1', bytes('y')],
        ['c/2', bytes('y')],
      ]),
    };
    t.equal(await other.commit(again), false);
    t.equal(await other.commit({ there: ['c/1', 'c/0'], absent: [], set: new Map([['c/3', bytes('z')]]) }), false);
    t.strictSame(await other.last('c/'), { key: 'c/1', value: bytes('x') });
    t.equal(await other.commit({ there: ['c/1'], absent: ['c/2'], set: new Map([['c/2', bytes('z')]]) }), true);
    t.strictSame(await one.last('c/'), { key: 'c/2', value: bytes('z') });
  });

  t.test(`${name}: of many who make one key, one alone has made it`, { skip }, async (t) => {
    const clients = await open(t);
    const made = await Promise.all(
      Array.from({ length: 16 }, (_, at) =>
        clients[at % 2]!.commit({ ...always, absent: ['d/1'], set: new Map([['d/1', bytes(`${at}`)]]) }),
      ),
    );
    t.equal(made.filter(Boolean).length, 1);
    t.strictSame((await clients[0].last('d/'))?.value, bytes(`${made.indexOf(true)}`));
  });

  t.test(`${name}: keys are removed from one on and before another`, { skip }, async (t) => {
    const [one] = await open(t);
    await one.commit({ ...always, set: new Map(['e/1', 'e/2', 'e/3'].map((key) => [key, bytes(key)])) });
    await one.remove('e/2', 'e/9');
    t.equal((await one.last('e/'))?.key, 'e/1');
    await one.remove('e/1', 'e/1');
    t.equal((await one.last('e/'))?.key, 'e/1', 'nothing lies before itself');
  });

  t.test(`${name}: who watches is told at the beginning, and after each change by anybody`, { skip }, async (t) => {
    const [one, other] = await open(t);
    let told = Promise.withResolvers<void>();
    const stop = one.watch('f/', () => told.resolve());
    await told.promise;
    for (const key of ['f/1', 'f/2']) {
      told = Promise.withResolvers();
      await other.commit({ ...always, set: new Map([[key, bytes(key)]]) });
      await told.promise;
      t.equal((await one.last('f/'))?.key, key);
    }
    stop();
  });
}
