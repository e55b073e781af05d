import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { FlareId, Key } from '../types.ts';
import { dataPosition, decodeRecord, encodeRecord } from './codec.ts';
import { type Change, ChangeTypeSchema, type Extent, type FlareState, type LogRecord } from './schema.ts';
import { anyChange, type Glance } from './skim.ts';

const bytes = (maxLength: number, minLength = 0) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const uint32 = fc.nat(0xffffffff);
const uint64 = fc.nat(2 ** 53 - 1);
const key = bytes(20, 20);
const id = fc.record({ key, generation: uint64 });
const time = fc.record({ seconds: uint64, nanoseconds: uint32 });
const flare: fc.Arbitrary<FlareState> = fc.record({
  id,
  type: fc.nat(7),
  mode: uint32,
  nlink: uint32,
  uid: uint32,
  gid: uint32,
  size: uint64,
  used: uint64,
  major: uint32,
  minor: uint32,
  fileid: uint32,
  atime: time,
  mtime: time,
  ctime: time,
  version: uint64,
  parent: id,
  target: bytes(9),
  salt: bytes(8),
  entries: uint32,
  nextCookie: uint32,
  cookiesWrapped: fc.boolean(),
});
const entry = fc.record({ id, fileid: uint32, cookie: uint32 });
const name = bytes(9, 1);
const extent: fc.Arbitrary<Extent> = fc.record({ offset: uint64, length: uint32, segment: uint32, position: uint64 });
const covered = fc.record({ complete: fc.boolean(), extents: fc.array(extent, { maxLength: 3 }) });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const type = ChangeTypeSchema;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ flare, old: maybe(flare) }).map((flare) => ({ type: type.flare, flare })),
  fc.record({ id, old: maybe(flare) }).map((flareGone) => ({ type: type.flareGone, flareGone })),
  fc.record({ directory: id, name, entry, old: maybe(entry) }).map((entry) => ({ type: type.entry, entry })),
  fc.record({ directory: id, name, old: maybe(entry) }).map((entryGone) => ({ type: type.entryGone, entryGone })),
  fc.record({ id, end: uint64, covered }).map((cut) => ({ type: type.cut, cut })),
  fc
    .record({ id, directory: id, count: uint32, old: uint32 })
    .map((parentLink) => ({ type: type.parentLink, parentLink })),
  fc
    .record({ nextFileid: uint32, fileidsWrapped: fc.boolean(), old: uint32 })
    .map((slice) => ({ type: type.slice, slice })),
  fc.record({ name, value: maybe(bytes(9)), old: maybe(bytes(9)) }).map((note) => ({ type: type.note, note })),
  fc.constant({ type: type.wiped }),
) as fc.Arbitrary<Change>;
const data = fc
  .record({ id, offset: uint64, covered, bytes: bytes(99) })
  .map((data): Change => ({ type: type.data, data }));
const replay = fc.record({ identity: bytes(20), time: uint64, outcome: bytes(30) });
const record: fc.Arbitrary<LogRecord> = fc
  .record({ replay: maybe(replay), changes: fc.array(change, { maxLength: 5 }), data: maybe(data), slice: fc.nat(256) })
  .map(({ replay, changes, data, slice }) => ({
    slice,
    epoch: 1,
    number: 2,
    time: 3,
    commit: 0,
    place: 0,
    groupSize: 1,
    operation: 0,
    replay,
    changes: data === null ? changes : [...changes, data],
  })) as fc.Arbitrary<LogRecord>;

type Asked = readonly (string | number | FlareId)[];

/** Notes what it is asked, and says yes to the question after so many. */
function listing(noes: number): { readonly glance: Glance; readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const ask =
    (what: string) =>
    (...args: Asked): boolean => {
      asked.push([what, ...args]);
      return asked.length > noes;
    };
  const glance: Glance = {
    flare: ask('flare'),
    entry: ask('entry'),
    parentLink: ask('parentLink'),
    slice: ask('slice'),
    note: ask('note'),
    data: ask('data'),
  };
  return { glance, asked };
}

const text = (bytes: Buffer): string => bytes.toString('latin1');
const unpacked = (id: FlareState['id']): FlareId => ({ key: text(id.key) as Key, generation: id.generation });

/** What is to be asked, by the record as the codec decodes it. */
function questions(payload: Buffer): Asked[] {
  const record = decodeRecord(payload);
  return record.changes.flatMap((change): Asked[] => {
    if (change.type === type.flare) return [['flare', text(change.flare.flare.id.key)]];
    if (change.type === type.entry) return [['entry', text(change.entry.directory.key), text(change.entry.name)]];
    if (change.type === type.slice) return [['slice', record.slice]];
    if (change.type === type.note) return [['note', text(change.note.name)]];
    if (change.type === type.parentLink) {
      return [['parentLink', unpacked(change.parentLink.id), text(change.parentLink.directory.key)]];
    }
    if (change.type !== type.data) return [];
    const { id, offset, bytes } = change.data;
    return [['data', unpacked(id), offset, bytes.length, dataPosition(record, payload.length)!]];
  });
}

t.test(
  'Of each change that leaves something behind is asked, as the codec decodes it, and no more after a yes',
  async (t) => {
    fc.assert(
      fc.property(record, fc.nat(5), (value, noes) => {
        const payload = encodeRecord(value);
        const wanted = questions(payload);
        const { glance, asked } = listing(noes);
        const any = anyChange(payload, glance);
        t.strictSame(asked, wanted.slice(0, noes + 1));
        return any === wanted.length > noes;
      }),
    );
  },
);

t.test('Bytes that are no whole record are to be looked at with care, and nothing beyond them is asked', async () => {
  fc.assert(
    fc.property(record, fc.nat(), fc.boolean(), (value, chance, longer) => {
      const payload = encodeRecord(value);
      const bytes = longer ? Buffer.concat([payload, Buffer.alloc(4)]) : payload.subarray(0, chance % payload.length);
      const { glance, asked } = listing(99);
      return anyChange(bytes, glance) && isDeepStrictEqual(asked, questions(payload).slice(0, asked.length));
    }),
  );
});

t.test('Damaged bytes do no harm: wherever the damage is, nothing is asked of bytes that are not there', async () => {
  fc.assert(
    fc.property(record, fc.nat(255), (value, byte) => {
      const payload = encodeRecord(value);
      const isThere = ([what, ...args]: Asked): boolean => {
        if (what === 'flare') return (args[0] as string).length === 20;
        if (what === 'data') return (args[3] as number) + (args[2] as number) <= payload.length;
        return true;
      };
      for (const [place, sound] of payload.entries()) {
        payload[place] = byte;
        const { glance, asked } = listing(99);
        anyChange(payload, glance);
        if (!asked.every(isThere) || asked.length > payload.length) return false;
        payload[place] = sound;
      }
      return true;
    }),
    { numRuns: 30 },
  );
});
