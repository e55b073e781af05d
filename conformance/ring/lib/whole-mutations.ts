import { Failover } from '../../../src/dht/failover/failover.ts';
import { HELD_SHARE } from '../../../src/dht/failover/times.ts';
import type { Append, Appended } from '../../../src/dht/programs/node/handlers.ts';
import { indexOf } from '../../../src/dht/projection/queries.ts';
import type { MemberId, Projection } from '../../../src/dht/projection/types.ts';
import type { Mirroring } from '../../../src/dht/replication/mirroring.ts';
import type { Replication, ReplicationParts } from '../../../src/dht/volcano/replication.ts';
import { decodeRecord, encodeRecord } from '../../../src/flare/record/codec.ts';
import { recordHead } from '../../../src/flare/record/head.ts';
import { ChangeTypeSchema, type Undone } from '../../../src/flare/record/schema.ts';
import type { WholeBreaks } from './whole-life.ts';

/** A promise of whole volcanos that is broken on purpose: the simulator must find it. */
export interface WholeMutation {
  readonly name: string;
  /** A seed that finds it, which is tried first: it saves minutes, and is no promise, for what changes the order of things changes that. */
  readonly found: number;
  readonly breaks: WholeBreaks;
}

type Change = (mirroring: Mirroring, parts: ReplicationParts) => Partial<Replication>;

/** Replication of which some methods are replaced. */
function changed(change: Change): WholeBreaks {
  return {
    replication(mirroring, parts) {
      const replaced = change(mirroring, parts);
      return new Proxy<Replication>(mirroring, {
        get(target, name) {
          if (name in replaced) return Reflect.get(replaced, name) as unknown;
          const value = Reflect.get(target, name, target) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}

/** A ring in which slices are taken over: its arbiter is one of three. */
const PAIR = { ring: { volcanos: 3, atFirst: 3, replicas: 2 } };
/** More room than anybody wants, in bytes. */
const ROOM = 2 ** 40;
/** One record in so many is meant: the same ones each time they come. */
const ONE_IN = 12;

/** A primary that goes on alone with what its mirrors have not, and comes back. */
export const LEFT_BEHIND: WholeBreaks = {
  ...PAIR,
  troubles: ['leaveBehind', 'leaveBehind', 'crashAtMirror'],
};

/** What the record that undoes says; null: there is none. */
function undoneBy(undo: Buffer | null): Undone | null {
  const [first] = undo === null ? [] : decodeRecord(undo).changes;
  return first?.type === ChangeTypeSchema.undone ? first.undone : null;
}

/** The record that undoes, and leaves all as it is but for the number. */
function nothingUndone(undo: Buffer): Buffer {
  const record = decodeRecord(undo);
  const changes = record.changes.map((change) => {
    if (change.type !== ChangeTypeSchema.undone) return change;
    const { number, epoch } = change.undone;
    const none = { ended: [], flares: [], names: [], chunks: [], parents: [], notes: [] };
    return { ...change, undone: { number, epoch, ...none } };
  });
  return encodeRecord({ ...record, changes });
}

/** What is sent, without the answers that state was filled with. */
function withoutReplays(append: Append): Append {
  const groups = append.groups.map((group) =>
    group.map((record) => {
      if (!recordHead(record.payload).base) return record;
      return { ...record, payload: encodeRecord({ ...decodeRecord(record.payload), replay: null }) };
    }),
  );
  return { ...append, groups };
}

/** What a mirror is sent, with other payloads in place of one record in `ONE_IN`. */
function tampered(append: Append, instead: (payload: Buffer) => Buffer[]): Append {
  const groups = append.groups.map((group) =>
    group.flatMap((record) => {
      const { base, number, slice } = recordHead(record.payload);
      if (base || (number + slice) % ONE_IN !== 0) return [record];
      return instead(record.payload).map((payload) => ({ ...record, payload }));
    }),
  );
  return { ...append, groups };
}

/** Serves all that the map says is its own. */
function serving(mirroring: Mirroring, self: MemberId): Partial<Replication> {
  let newest: Projection | null = null;
  return {
    update(projection) {
      newest = projection;
      mirroring.update(projection);
    },
    mayServe: (slice) => newest !== null && newest.map[slice]!.primary === indexOf(newest, self),
  };
}

export const WHOLE_MUTATIONS: readonly WholeMutation[] = [
  {
    name: 'the answer comes before the mirrors have it',
    found: 3,
    breaks: changed((_, { store }) => {
      store.replica.commitment.copies = null;
      return {};
    }),
  },
  {
    name: 'a mirror leaves a record out, and says that it has it',
    found: 4,
    breaks: changed((mirroring) => ({ append: (append) => mirroring.append(tampered(append, () => [])) })),
  },
  {
    name: 'a mirror takes a record, and leaves out what it says',
    found: 3,
    breaks: changed((mirroring) => ({
      append: (append) =>
        mirroring.append(
          tampered(append, (payload) => [encodeRecord({ ...decodeRecord(payload), changes: [], replay: null })]),
        ),
    })),
  },
  {
    name: 'the replay is left behind: a mirror takes a record without what was answered',
    found: 3,
    breaks: changed((mirroring) => ({
      append: (append) =>
        mirroring.append(tampered(append, (payload) => [encodeRecord({ ...decodeRecord(payload), replay: null })])),
    })),
  },
  {
    name: 'a mirror acknowledges before it is durable there',
    found: 3,
    breaks: changed((mirroring) => ({
      async append(append) {
        const { sequence } = append;
        const appended = mirroring.append(append);
        // Refusals come at once; what takes longer is the disk.
        const soon = async (): Promise<Appended> => {
          for (let turn = 0; turn < 8; turn++) await null;
          return { gap: 0, taken: { sequence, room: ROOM } };
        };
        return Promise.race([appended, soon()]);
      },
    })),
  },
  {
    name: 'a mirror is said to be in sync before it is filled',
    found: 1,
    breaks: changed(() => ({ inSync: async () => {} })),
  },
  {
    name: 'a volcano serves after a restart what it has not agreed about with the mirrors',
    found: 97,
    breaks: changed((mirroring, { self }) => serving(mirroring, self)),
  },
  {
    name: 'who comes back leaves in place what nobody had accepted',
    found: 18,
    breaks: {
      ...LEFT_BEHIND,
      ...changed((mirroring) => ({
        async common(ask) {
          const found = await mirroring.common(ask);
          return found.map((one) => (one?.undo == null ? one : { ...one, undo: nothingUndone(one.undo) }));
        },
      })),
    },
  },
  {
    name: 'who comes back takes the record behind the last common one for that',
    found: 18,
    breaks: {
      ...LEFT_BEHIND,
      ...changed((mirroring) => ({
        async common(ask) {
          const found = await mirroring.common(ask);
          const slices = ask.slices.map(({ slice, runs }, at) => {
            const undone = undoneBy(found[at]?.undo ?? null);
            if (undone === null) return { slice, runs };
            const first = found[at]!.last.number + 1;
            return { slice, runs: [{ epoch: undone.epoch, first, last: first }, ...runs] };
          });
          return mirroring.common({ ...ask, slices });
        },
      })),
    },
  },
  {
    name: 'a mirror that is made whole is not told what was answered',
    found: 1,
    breaks: {
      ...LEFT_BEHIND,
      ...changed((mirroring) => ({ append: (append) => mirroring.append(withoutReplays(append)) })),
    },
  },
  {
    name: 'no wedge: a volcano serves what others may have taken over',
    found: 25,
    breaks: { failover: (parts) => Object.assign(new Failover(parts), { holds: () => true }), ...PAIR },
  },
  {
    name: 'a number is used again after a restart, in an epoch in which it may have been used',
    found: 169,
    breaks: {
      failover: (parts) => Object.assign(new Failover(parts), { isFresh: () => true, anew: () => null }),
      troubles: ['crashAhead'],
      // Who has lost something is alone, and fills the other one.
      ring: { volcanos: 2, atFirst: 1, replicas: 2 },
    },
  },
  {
    name: 'the lease is counted from when the answer comes',
    found: 1,
    breaks: {
      ...PAIR,
      troubles: ['hangAsking'],
      failover: (parts) =>
        new Failover({
          ...parts,
          async ask(member, patienceMs) {
            const asked = parts.clock.monotonic();
            const grantMs = await parts.ask(member, patienceMs);
            return grantMs + (parts.clock.monotonic() - asked) / HELD_SHARE;
          },
        }),
    },
  },
  {
    name: 'slices are handed over while they are served, and with records still under way',
    found: 13,
    breaks: {
      ...changed(() => ({ handOver: async () => {} })),
      ...{ ring: { volcanos: 3, atFirst: 1, replicas: 2 } },
    },
  },
];
