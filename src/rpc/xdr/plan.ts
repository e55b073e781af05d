import type { AnySchema, XdrType } from '@stellar/js-xdr';
import { XdrError } from './error.ts';

/** Schemas that expand to more parts than this get functions of their own; others are written out in place. */
const INLINE_PARTS_MAX = 100;
/** The most `lazy` references in a row. */
const LAZY_MAX = 16;

/** Follows `lazy` to the schema that it stands for. */
export function resolve(schema: XdrType<unknown>): AnySchema {
  let found = schema as AnySchema;
  for (let hops = 0; found.kind === 'lazy'; hops++) {
    if (hops === LAZY_MAX) throw new XdrError('lazy: stands for nothing but itself');
    found = found.getSchema() as AnySchema;
  }
  return found;
}

/** The field by which a struct is a linked list (RFC 4506 §4.19): its last, if that is an option of the struct itself. */
export function listField(schema: AnySchema): string | undefined {
  if (schema.kind !== 'struct') return undefined;
  const last = schema.entries.at(-1);
  if (last === undefined) return undefined;
  const link = resolve(last[1]);
  return link.kind === 'option' && resolve(link.element) === schema ? last[0] : undefined;
}

function parts(schema: AnySchema): XdrType<unknown>[] {
  switch (schema.kind) {
    case 'struct': {
      const fields = schema.entries.map(([, part]) => part);
      return listField(schema) === undefined ? fields : fields.slice(0, -1);
    }
    case 'union': {
      const arms = schema.cases.map((one) => one.arm);
      if (schema.defaultArm !== undefined) arms.push(schema.defaultArm);
      return [schema.switchOn, ...arms.flatMap((arm) => ('schema' in arm ? [arm.schema] : []))];
    }
    case 'array':
    case 'fixedArray':
    case 'option':
      return [schema.element];
    default:
      return [];
  }
}

/** The schemas under `root` that need functions of their own: those that contain themselves, and large ones. */
export function ownFunctions(root: AnySchema): Set<AnySchema> {
  const own = new Set<AnySchema>([root]);
  const sizes = new Map<AnySchema, number>();
  const open = new Set<AnySchema>();
  const visit = (schema: AnySchema): number => {
    if (open.has(schema)) {
      own.add(schema);
      return 1;
    }
    const known = sizes.get(schema);
    if (known !== undefined) return known;
    open.add(schema);
    let size = 1;
    for (const part of parts(schema)) size += visit(resolve(part));
    open.delete(schema);
    if (size > INLINE_PARTS_MAX) own.add(schema);
    if (own.has(schema)) size = 1;
    sizes.set(schema, size);
    return size;
  };
  visit(root);
  return own;
}

/** The fewest bytes that a value can take. Throws `XdrError` for a type that contains itself without an end. */
export function leastBytes(schema: XdrType<unknown>, open: ReadonlySet<AnySchema> = new Set()): number {
  const found = resolve(schema);
  switch (found.kind) {
    case 'void':
      return 0;
    case 'int64':
    case 'uint64':
    case 'double':
      return 8;
    case 'opaque':
      return (found.length + 3) & ~3;
    case 'fixedArray':
    case 'struct': {
      if (open.has(found)) throw new XdrError(`${found.name ?? found.kind}: contains itself without an end`);
      const within = new Set(open).add(found);
      if (found.kind === 'fixedArray') return found.length === 0 ? 0 : found.length * leastBytes(found.element, within);
      return found.entries.reduce((sum, [, part]) => sum + leastBytes(part, within), 0);
    }
    default:
      return 4;
  }
}

/** As `leastBytes` for the element of an array, which must not be 0: a count alone could ask for any number of them. */
export function leastElementBytes(element: XdrType<unknown>, path: string): number {
  const bytes = leastBytes(element);
  if (bytes === 0) throw new XdrError(`${path}: an array's element must take at least one byte`);
  return bytes;
}
