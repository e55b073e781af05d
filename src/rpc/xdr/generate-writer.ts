import type { AnySchema, UnionArm, XdrType } from '@stellar/js-xdr';
import { leastElementBytes, listField, resolve } from './plan.ts';
import { DEPTH_MAX, FunctionSource, LIST_MAX, noneOf, quote, type SharedSource } from './source.ts';

type Kind = Exclude<AnySchema['kind'], 'lazy'>;
type Of<K extends Kind> = Extract<AnySchema, { kind: K }>;
/** Emits code that appends the value in the variable `value`. */
type Emitter<K extends Kind> = (g: FunctionSource, schema: Of<K>, value: string, path: string) => void;

/** Up to this many bytes are copied by a loop, which is faster than a call then. */
const SMALL_COPY_BYTES = 24;

function failIf(g: FunctionSource, condition: string, path: string, cause: string, value: string): void {
  g.line(`if(${condition})bad(${quote(path)},${quote(cause)},${value});`);
}

function hyper(low: number): Emitter<any> {
  return (g, _schema, value, path) => {
    failIf(g, `!Number.isSafeInteger(${value})||${value}<${low}`, path, `no whole number from ${low} on`, value);
    const at = g.take(8, path);
    g.line(`m.setInt32(${at},Math.floor(${value}/4294967296));m.setUint32(${at}+4,${value}>>>0);`);
  };
}

function copy(value: string, at: string, length: string): string {
  return `if(${length}<=${SMALL_COPY_BYTES})for(let i=0;i<${length};i++)b[${at}+i]=${value}[i];else b.set(${value},${at});`;
}

function varBytes(g: FunctionSource, schema: { maxLength: number }, value: string, path: string): void {
  g.flush();
  const [length, padded] = [g.name(), g.name()];
  failIf(g, `!(${value} instanceof Uint8Array)`, path, 'no bytes', value);
  g.line(`const ${length}=${value}.length,${padded}=${length}+3&-4;`);
  failIf(g, `${length}>${schema.maxLength}`, path, `more than ${schema.maxLength} bytes`, length);
  g.line(`if(b.length-o<${padded}+4){w.position=o;w.grow(${padded}+4);b=w.buffer;m=w.view;}`);
  g.line(`m.setUint32(o,${length});if(${padded}>${length})m.setUint32(o+${padded},0);o+=4;`);
  g.line(`${copy(value, 'o', length)}o+=${padded};`);
}

function elements(g: FunctionSource, element: XdrType<unknown>, value: string, path: string): void {
  leastElementBytes(element, path);
  const [index, one] = [g.name(), g.name()];
  g.line(`for(let ${index}=0;${index}<${value}.length;${index}++){const ${one}=${value}[${index}];`);
  write(g, element, one, `${path}[]`);
  g.flush();
  g.line('}');
}

function fields(g: FunctionSource, entries: Of<'struct'>['entries'], value: string, path: string): void {
  for (const [name, schema] of entries) property(g, schema, value, name, path);
}

function property(g: FunctionSource, schema: XdrType<unknown>, value: string, name: string, path: string): void {
  const part = g.name();
  g.line(`const ${part}=${value}[${quote(name)}];`);
  write(g, schema, part, `${path}.${name}`);
}

function object(g: FunctionSource, value: string, path: string): void {
  failIf(g, `typeof ${value}!=="object"||${value}===null`, path, 'no object', value);
}

function list(g: FunctionSource, schema: Of<'struct'>, next: string, value: string, path: string): void {
  g.flush();
  const [node, count] = [g.name(), g.name()];
  g.line(`let ${node}=${value},${count}=0;for(;;){`);
  object(g, node, path);
  fields(g, schema.entries.slice(0, -1), node, path);
  g.line(`${node}=${node}[${quote(next)}];`);
  g.line(`m.setUint32(${g.take(4, path)},${node}===null?0:1);`);
  g.flush();
  g.line(`if(${node}===null)break;`);
  g.line(`if(++${count}>=${LIST_MAX})bad(${quote(path)},"a list longer than",${LIST_MAX});}`);
}

function arm(g: FunctionSource, chosen: UnionArm, value: string, path: string): void {
  if (!('schema' in chosen)) return;
  property(g, chosen.schema, value, chosen.name, path);
  g.flush();
}

const emitters: { [K in Kind]: Emitter<K> } = {
  void: (g, _schema, value, path) => failIf(g, `${value}!==undefined`, path, 'not void', value),
  int32(g, _schema, value, path) {
    failIf(g, `(${value}|0)!==${value}`, path, 'no 32-bit number', value);
    g.line(`m.setInt32(${g.take(4, path)},${value});`);
  },
  uint32(g, _schema, value, path) {
    failIf(g, `${value}>>>0!==${value}`, path, 'no unsigned 32-bit number', value);
    g.line(`m.setUint32(${g.take(4, path)},${value});`);
  },
  int64: hyper(-Number.MAX_SAFE_INTEGER),
  uint64: hyper(0),
  float(g, _schema, value, path) {
    failIf(g, `typeof ${value}!=="number"`, path, 'no number', value);
    g.line(`m.setFloat32(${g.take(4, path)},${value});`);
  },
  double(g, _schema, value, path) {
    failIf(g, `typeof ${value}!=="number"`, path, 'no number', value);
    g.line(`m.setFloat64(${g.take(8, path)},${value});`);
  },
  bool(g, _schema, value, path) {
    failIf(g, `typeof ${value}!=="boolean"`, path, 'no boolean', value);
    g.line(`m.setUint32(${g.take(4, path)},${value}?1:0);`);
  },
  enum(g, schema, value, path) {
    const numbers = [...schema.nameByValue.keys()];
    failIf(g, `(${value}|0)!==${value}||${noneOf(numbers, value, g.shared)}`, path, 'no value of the enum', value);
    g.line(`m.setInt32(${g.take(4, path)},${value});`);
  },
  opaque(g, schema, value, path) {
    const { length } = schema;
    const wrong = `!(${value} instanceof Uint8Array)||${value}.length!==${length}`;
    failIf(g, wrong, path, `not ${length} bytes`, value);
    if (length === 0) return;
    const padded = (length + 3) & ~3;
    const at = g.take(padded, path);
    if (padded > length) g.line(`m.setUint32(${at}+${padded - 4},0);`);
    g.line(copy(value, at, String(length)));
  },
  varOpaque: varBytes,
  string: varBytes,
  array(g, schema, value, path) {
    failIf(g, `!Array.isArray(${value})`, path, 'no array', value);
    failIf(g, `${value}.length>${schema.maxLength}`, path, `more than ${schema.maxLength} elements`, `${value}.length`);
    g.line(`m.setUint32(${g.take(4, path)},${value}.length);`);
    g.flush();
    elements(g, schema.element, value, path);
  },
  fixedArray(g, schema, value, path) {
    failIf(
      g,
      `!Array.isArray(${value})||${value}.length!==${schema.length}`,
      path,
      `not ${schema.length} elements`,
      value,
    );
    g.flush();
    if (schema.length > 0) elements(g, schema.element, value, path);
  },
  option(g, schema, value, path) {
    g.line(`m.setUint32(${g.take(4, path)},${value}===null?0:1);`);
    g.flush();
    g.line(`if(${value}!==null){`);
    write(g, schema.element, value, path);
    g.flush();
    g.line('}');
  },
  struct(g, schema, value, path) {
    const next = listField(schema);
    if (next === undefined) {
      object(g, value, path);
      fields(g, schema.entries, value, path);
    } else list(g, schema, next, value, path);
  },
  union(g, schema, value, path) {
    object(g, value, path);
    const discriminant = g.name();
    g.line(`const ${discriminant}=${value}[${quote(schema.switchKey)}];`);
    write(g, schema.switchOn, discriminant, `${path}.${schema.switchKey}`);
    g.flush();
    g.line(`switch(${discriminant}){`);
    for (const one of schema.cases) {
      g.line(`case ${String(one.discriminant)}:{`);
      arm(g, one.arm, value, `${path}.${one.name}`);
      g.line('break;}');
    }
    g.line('default:{');
    if (schema.defaultArm === undefined) g.line(`bad(${quote(path)},"no arm for",${discriminant});`);
    else arm(g, schema.defaultArm, value, `${path}.default`);
    g.line('}}');
  },
};

function inline(g: FunctionSource, schema: AnySchema, value: string, path: string): void {
  const emit = emitters[schema.kind as Kind] as Emitter<any> | undefined;
  if (emit === undefined) throw new Error(`${path}: unknown kind of XDR schema: ${schema.kind}`);
  emit(g, schema, value, path);
}

function write(g: FunctionSource, schema: XdrType<unknown>, value: string, path: string): void {
  const found = resolve(schema);
  if (!g.shared.own.has(found)) {
    inline(g, found, value, path);
    return;
  }
  g.flush();
  g.line(`w.position=o;f${g.shared.functionOf(found)}(w,${value},d+1);o=w.position;b=w.buffer;m=w.view;`);
}

/** The source of the function that writes a schema: `f<number>(w, v, d)`, with the writer, the value and the depth. */
export function writerSource(shared: SharedSource, schema: AnySchema): string {
  const path = schema.name ?? schema.kind;
  const g = new FunctionSource(
    shared,
    (bytes) => `if(b.length-o<${bytes}){w.position=o;w.grow(${bytes});b=w.buffer;m=w.view;}`,
  );
  inline(g, schema, 'v', path);
  g.flush();
  return `function f${shared.functionOf(schema)}(w,v,d){
if(d>${DEPTH_MAX})bad(${quote(path)},"nested deeper than",${DEPTH_MAX});
let b=w.buffer,m=w.view,o=w.position;
${g}
w.position=o;}`;
}
