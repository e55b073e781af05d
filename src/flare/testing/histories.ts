import fc from 'fast-check';
import { andThen } from '../../base/eventually.ts';
import { FlareError } from '../errors.ts';
import { keyText } from '../keys.ts';
import { LOCK_END, LockKind, type LockRequest } from '../locks/types.ts';
import type { FlareService } from '../service.ts';
import { type AttributeChanges, type Attributes, type Caller, type FlareId, FlareType } from '../types.ts';

/*
 * Random histories of all operations, to be played against any `FlareService` and the model, `MemoryService`, and compared.
 */

/** uid 0, and two others. */
export const ROOT: Caller = { uid: 0, gid: 0, gids: [] };
export const ALICE: Caller = { uid: 1000, gid: 100, gids: [101] };
export const BOB: Caller = { uid: 2000, gid: 200, gids: [] };

const CALLERS = [ROOT, ALICE, BOB] as const;

/** The same flare on both sides. */
export interface Pair {
  readonly real: FlareId;
  readonly model: FlareId;
}

/** An operation, for either side. */
export type Side = (service: FlareService, id: (at: number) => FlareId, as: (who: Caller) => Caller) => unknown;
/** One step of a history; what is no operation is up to who plays it. */
export interface Step {
  readonly text: string;
  readonly run: Side | 'restart' | 'compact' | 'tick' | 'again' | 'apply' | 'recall';
  readonly [fc.toStringMethod]: () => string;
}

const name = fc.constantFrom('a', 'b', 'c', 'd', '\xff', 'x'.repeat(255), '', '..', 'y'.repeat(256));
const flare = fc.nat(30);
const caller = fc.constantFrom(...CALLERS);
const offset = fc.oneof(fc.nat(10_000), fc.constantFrom(0, 4096, 1_048_570, 3_000_000, 2 ** 50 - 5, 2 ** 50));
const mode = fc.constantFrom(0o644, 0o755, 0o777, 0o1777, 0o2775, 0o6755, 0, 0o400);
const time = fc.constantFrom('now' as const, { seconds: 5, nanoseconds: 7000 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const changes = fc
  .record({
    mode: maybe(mode),
    uid: maybe(fc.constantFrom(0, 1000, 2000)),
    gid: maybe(fc.constantFrom(0, 100, 101, 200)),
    size: maybe(offset),
    atime: maybe(time),
    mtime: maybe(time),
    share: fc.option(fc.constantFrom(0, 1, 65_535), { nil: undefined, freq: 3 }),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as AttributeChanges);
const type = fc.constantFrom(
  ...Object.values(FlareType),
  FlareType.file,
  FlareType.file,
  FlareType.directory,
  FlareType.directory,
);

const lock: fc.Arbitrary<LockRequest> = fc
  .tuple(
    fc.constantFrom('a1', 'a2', 'b1'),
    fc.constantFrom<LockRequest['mode']>('shared', 'exclusive', 'none'),
    fc.constantFrom(LockKind.bytes, LockKind.bytes, LockKind.whole),
    fc.bigInt(0n, 9n),
    fc.constantFrom(0n, 1n, 5n, LOCK_END - 9n),
  )
  .map(([owner, mode, kind, start, length]) => {
    const range = kind === LockKind.whole ? { start: 0n, last: LOCK_END } : { start, last: start + length };
    return { kind, holder: `host ${owner[0]}`, owner, mode, ...range, pid: 1, leaseMs: 0 };
  });

/** A step that shows itself as text. */
export function step(kind: string, args: readonly unknown[], run: Step['run']): Step {
  const text = `${kind}(${args.map((arg) => (typeof arg === 'object' ? JSON.stringify(arg) : String(arg).slice(0, 12))).join(', ')})`;
  return { text, run, [fc.toStringMethod]: () => text };
}

/** Steps of all kinds. */
export const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(caller, flare, name, type, mode, maybe(offset), fc.constantFrom('open' as const, 'refuse' as const))
      .map(([who, dir, called, type, mode, size, existing]) =>
        step('create', [who, dir, called, type, mode, size, existing], (service, id, as) => {
          const birth = {
            type,
            mode,
            ...(size === undefined ? {} : { size }),
            ...(type === FlareType.symlink ? { target: Buffer.from('to') } : {}),
          };
          return service.create(as(who), id(dir), called, birth, { existing });
        }),
      ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(caller, flare, offset, fc.uint8Array({ maxLength: 3000, size: 'max' }))
      .map(([who, at, offset, data]) =>
        step('write', [who, at, offset, data.length], (service, id, as) =>
          service.write(as(who), id(at), offset, data),
        ),
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(caller, flare, offset, fc.nat(20_000))
      .map(([who, at, offset, count]) =>
        step('read', [who, at, offset, count], (service, id) => service.read(who, id(at), offset, count)),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, changes)
      .map(([who, at, changes]) =>
        step('setattr', [who, at, changes], (service, id, as) => service.setattr(as(who), id(at), changes)),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, name)
      .map(([who, dir, called]) =>
        step('lookup', [who, dir, called], (service, id) => service.lookup(who, id(dir), called)),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(caller, flare, name)
      .map(([who, dir, called]) =>
        step('remove', [who, dir, called], (service, id, as) => service.remove(as(who), id(dir), called)),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(caller, flare, name)
      .map(([who, dir, called]) =>
        step('rmdir', [who, dir, called], (service, id, as) => service.rmdir(as(who), id(dir), called)),
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(caller, flare, name, flare, name)
      .map(([who, from, fromName, to, toName]) =>
        step('rename', [who, from, fromName, to, toName], (service, id, as) =>
          service.rename(as(who), id(from), fromName, id(to), toName),
        ),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, flare, name)
      .map(([who, at, dir, called]) =>
        step('link', [who, at, dir, called], (service, id, as) => service.link(as(who), id(at), id(dir), called)),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(caller, flare, fc.nat(8), fc.nat(5))
      .map(([who, dir, cookie, limit]) =>
        step('readdir', [who, dir, cookie, limit], (service, id) => service.readdir(who, id(dir), cookie, limit)),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(caller, flare, lock)
      .map(([who, at, wanted]) =>
        step('lock', [who, at, wanted.owner, wanted.mode, wanted.kind, wanted.start], (service, id, as) =>
          andThen(service.locks.lock(as(who), id(at), wanted), ({ attributes }) => attributes),
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(caller, flare, lock)
      .map(([who, at, wanted]) =>
        step('testlock', [who, at, wanted.owner, wanted.mode, wanted.kind, wanted.start], (service, id) =>
          andThen(service.locks.test(who, id(at), wanted), (held) => held === null),
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('host a', 'host b'), flare)
      .map(([holder, at]) => step('release', [holder, at], (service, id) => service.locks.release(holder, [id(at)]))),
  },
  { weight: 2, arbitrary: flare.map((at) => step('readlink', [at], (service, id) => service.readlink(ROOT, id(at)))) },
  { weight: 2, arbitrary: flare.map((at) => step('getattr', [at], (service, id) => service.getattr(id(at)))) },
  { weight: 1, arbitrary: fc.constant(step('restart', [], 'restart')) },
  { weight: 1, arbitrary: fc.constant(step('compact', [], 'compact')) },
  { weight: 1, arbitrary: fc.constant(step('tick', [], 'tick')) },
  { weight: 4, arbitrary: fc.constant(step('apply', [], 'apply')) },
  { weight: 5, arbitrary: fc.constant(step('again', [], 'again')) },
  { weight: 3, arbitrary: fc.constant(step('recall', [], 'recall')) },
);

/** What an operation gave, without what may differ: generations and versions, salted keys, a file's choice of parent. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(
    ([field]) => !['key', 'generation', 'version', 'parent', 'fileid'].includes(field),
  );
  return Object.fromEntries(kept.map(([field, inner]) => [field, plain(inner)] as const).sort());
}

/** What an operation gave or was refused with: as it is, and as it is compared. */
export async function outcome(run: () => unknown): Promise<{ shown: unknown; value: unknown }> {
  try {
    const value = await run();
    return { shown: value === undefined || value === null ? 'done' : plain(value), value };
  } catch (error) {
    if (error instanceof FlareError) return { shown: error.status, value: null };
    throw error;
  }
}

/** Throws when the two are not the same. */
export function same(text: string, real: unknown, model: unknown): void {
  const [got, wanted] = [JSON.stringify(real), JSON.stringify(model)];
  if (got !== wanted) throw new Error(`${text}\n  gave   ${got.slice(0, 600)}\n  wanted ${wanted.slice(0, 600)}`);
}

/** Keeps the flares that were born, for later steps: those that are gone too, as stale handles. */
export function remember(pairs: Pair[], real: unknown, model: unknown): void {
  const [one, other] = [real as Attributes | null, model as Attributes | null];
  if (typeof one?.key !== 'string' || typeof other?.key !== 'string') return;
  const text = (id: FlareId): string => `${keyText(id.key)} ${id.generation}`;
  if (pairs.some((pair) => text(pair.real) === text(one))) return;
  if (pairs.length < 12) pairs.push({ real: one, model: other });
  else pairs[1 + (one.fileid % 11)] = { real: one, model: other };
}
