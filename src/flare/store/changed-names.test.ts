import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { chooseSeed } from '../../base/testing/seed.ts';
import { type ChangedName, ChangedNames } from './changed-names.ts';

type Entry = { cookie: number; fileid: number };

/** A name whose value counts how often it is looked at. */
class Counted implements ChangedName {
  readonly name: string;
  flush = 0;
  #value: Entry | null = null;
  static looks = 0;

  constructor(name: string) {
    this.name = name;
  }

  get value(): Entry | null {
    Counted.looks++;
    return this.#value;
  }

  set(names: ChangedNames, flush: number, cookie: number | null): void {
    names.change(this, cookie);
    this.#value = cookie === null ? null : { cookie, fileid: cookie * 2 };
    this.flush = flush;
  }
}

t.test(
  'a page of the names that the index does not know yet looks at no more than it shows, wherever it begins',
  async (t) => {
    const flushes = { flush: 1, applied: 0 };
    const names = new ChangedNames(flushes);
    const NAMES = 6000;
    for (let cookie = 3; cookie < NAMES + 3; cookie++) {
      if (cookie % 2000 === 0) flushes.flush++;
      new Counted(`f${cookie}`).set(names, flushes.flush, cookie);
    }
    for (const from of [0, 1990, 2500, NAMES - 20]) {
      Counted.looks = 0;
      const page = names.after(from, 50);
      t.equal(page[0]?.cookie, Math.max(3, from + 1));
      t.ok(Counted.looks <= 4 * 50, `${Counted.looks} looks from ${from}`);
    }
  },
);

t.test('names come in the order of their cookies as they are now, whatever came, went and was applied', async (t) => {
  const seed = chooseSeed();
  t.comment(`MAGMA_SEED=${seed} repeats this run`);
  const random = seededRandom(seed);
  const flushes = { flush: 1, applied: 0 };
  const names = new ChangedNames(flushes);
  const entries = Array.from({ length: 60 }, (_, at) => new Counted(`f${at}`));
  const used = new Set<number>();
  for (let turn = 0; turn < 6000; turn++) {
    const entry = entries[random.below(entries.length)]!;
    const before = entry.value?.cookie;
    const kept = before !== undefined && random.below(2) === 0;
    let cookie: number | null = kept ? before : 3 + random.below(1000);
    if (random.below(3) === 0 || (!kept && used.has(cookie))) cookie = null;
    if (before !== undefined) used.delete(before);
    if (cookie !== null) used.add(cookie);
    entry.set(names, flushes.flush, cookie);
    if (random.below(20) === 0) flushes.flush++;
    if (random.below(20) === 0) flushes.applied = Math.max(flushes.applied, flushes.flush - 1 - random.below(3));
    const from = random.below(1000);
    const limit = 1 + random.below(20);
    const wanted = entries
      .filter(({ flush, value }) => flush > flushes.applied && value !== null && value.cookie > from)
      .map(({ name, value }) => ({ name, fileid: value!.fileid, cookie: value!.cookie }))
      .sort((one, other) => one.cookie - other.cookie);
    const found = names.after(from, limit);
    if (JSON.stringify(found) !== JSON.stringify(wanted.slice(0, limit))) {
      t.same(found, wanted.slice(0, limit), `turn ${turn}`);
      return;
    }
    const last = from + random.below(500);
    const upTo = wanted.filter(({ cookie }) => cookie <= last).slice(0, limit);
    if (JSON.stringify(names.after(from, limit, last)) !== JSON.stringify(upTo)) t.fail(`turn ${turn}: up to ${last}`);
    if (names.taken(from + 1) !== (wanted[0]?.cookie === from + 1)) t.fail(`turn ${turn}: taken`);
  }
  t.pass('6,000 changes');
});
