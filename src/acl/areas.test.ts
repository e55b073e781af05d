import t from 'tap';
import type { Eventually } from '../base/eventually.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import { type Attributes, FlareType, type Key } from '../flare/types.ts';
import { AREA_CACHE_MAX, type Area, Areas, CLIMB_MAX, DECISION_CACHE_MAX } from './areas.ts';
import { numberShares, pathNote, SHARE_NUMBER_MAX } from './numbers.ts';
import { REFUSALS_MAX, RefusalLog } from './refusals.ts';
import { parseRule } from './rule.ts';

const key = (name: string | number) => String(name) as Key;

/** Directories named by numbers, each with the next lower one as its parent, and what `parents` says otherwise. */
function ladder(parents: Record<string, number> = {}, late = false) {
  let asked = 0;
  const directory = (name: number): Attributes => {
    const parent = { key: key(parents[name] ?? name - 1), generation: 1 };
    return { key: key(name), generation: 1, type: FlareType.directory, parent } as Attributes;
  };
  const glance = (id: { key: Key }): Eventually<Attributes> => {
    asked += 1;
    const found = directory(Number(id.key));
    return late ? Promise.resolve(found) : found;
  };
  return { service: { glance } as unknown as FlareService, directory, asked: () => asked };
}

function areaAt(name: number): Area {
  const directory = { key: key(name), generation: 1 };
  const rules = [{ rule: parseRule('/ * r', 'x'), networks: null }];
  return { path: '/', directory, share: { number: 1, path: '/', directory }, above: null, rules, moved: false };
}

t.test('a flare’s area is looked for once: then its directory is known, and those above it', async (t) => {
  const { service, directory, asked } = ladder();
  const area = areaAt(0);
  const areas = new Areas(service, [area]);
  t.equal(areas.areaOf(directory(10)), area);
  t.equal(asked(), 9);
  for (let name = 0; name <= 10; name++) t.equal(areas.areaOf(directory(name)), area);
  t.equal(areas.areaOf(directory(11)), area);
  t.equal(asked(), 9);
});

t.test('the way up may take time', async (t) => {
  const { service, directory } = ladder({ 0: 0 }, true);
  const area = areaAt(3);
  const areas = new Areas(service, [area]);
  t.equal(await areas.areaOf(directory(10)), area);
  t.equal(await areas.areaOf(directory(2)), null, 'above it there is none');
});

t.test('a loop and a way without end are given up (bound: CLIMB_MAX)', async (t) => {
  for (const start of [10, 5, 7]) {
    const { service, directory } = ladder({ 5: 7 });
    t.throws(() => new Areas(service, [areaAt(0)]).areaOf(directory(start)), FlareError.of('IO'));
  }
  const { service, directory, asked } = ladder();
  t.throws(() => new Areas(service, [areaAt(0)]).areaOf(directory(CLIMB_MAX + 1)), FlareError.of('IO'));
  t.equal(asked(), CLIMB_MAX - 1);
  const area = areaAt(0);
  t.equal(new Areas(service, [area]).areaOf(directory(CLIMB_MAX - 1)), area);
});

t.test('what is remembered is bounded: AREA_CACHE_MAX, DECISION_CACHE_MAX', async (t) => {
  const { service, directory } = ladder();
  const area = areaAt(0);
  const areas = new Areas(service, [area]);
  for (let name = 0; name < AREA_CACHE_MAX + 10; name++) areas.areaOf(directory(name));
  t.equal(areas.remembered.places, AREA_CACHE_MAX);
  areas.areaOf(directory(3 * AREA_CACHE_MAX));
  t.equal(areas.remembered.places, AREA_CACHE_MAX);
  for (let client = 0; client <= DECISION_CACHE_MAX; client++) {
    const address = `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`;
    if (areas.decide(area, { address, port: 1 }).permission !== 'r') t.fail(address);
  }
  t.ok(areas.remembered.decisions <= DECISION_CACHE_MAX);
});

t.test('a client whose address is none is refused', async (t) => {
  const areas = new Areas(ladder().service, [areaAt(0)]);
  t.equal(areas.decide(areas.all[0]!, { address: 'junk', port: 1 }).permission, 'n');
});

t.test('share numbers: 16 bits; a number comes back only when all are given away', async (t) => {
  const notes = new MemoryNotes();
  for (let number = 1; number < SHARE_NUMBER_MAX; number++)
    await notes.setNote(`share/old${number}`, Buffer.from(String(number)));
  const first = await numberShares(notes, ['/x', '/y']);
  t.equal(first.get('/x'), SHARE_NUMBER_MAX);
  const reused = first.get('/y')!;
  t.ok(reused >= 1 && reused < SHARE_NUMBER_MAX);
  t.equal(notes.notes('share/').size, SHARE_NUMBER_MAX, 'the old holder is forgotten');
  t.same(
    await numberShares(notes, ['/y', '/x']),
    new Map([
      ['/x', SHARE_NUMBER_MAX],
      ['/y', reused],
    ]),
  );
});

t.test('note names are ASCII, at most 1,024 bytes, one a path', async (t) => {
  t.equal(pathNote('share/', '/a b/%\xff'), 'share//a%20b/%25%FF');
  const long = [`/${'\xff'.repeat(1000)}`, `/${'\xff'.repeat(1001)}`].map((path) => pathNote('share/', path));
  t.not(long[0], long[1]);
  for (const name of long) t.match(name, /^share\/#[0-9a-f]{64}$/);
});

t.test('refusals remembered are bounded (REFUSALS_MAX)', async (t) => {
  let lines = 0;
  const logger = { warn: () => void lines++ } as never;
  const log = new RefusalLog(manualClock(), logger);
  for (let client = 0; client < REFUSALS_MAX + 50; client++)
    log.refused({ address: `c${client}`, port: 1 }, '/', null, 'no');
  t.equal(log.size, REFUSALS_MAX);
  t.equal(lines, REFUSALS_MAX + 50);
});
