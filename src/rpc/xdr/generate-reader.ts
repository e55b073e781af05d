import type { AnySchema, UnionArm, XdrType } from '@stellar/js-xdr';
import { leastElementBytes, listField, resolve } from './plan.ts';
import { DEPTH_MAX, FunctionSource, LIST_MAX, noneOf, quote, type SharedSource } from './source.ts';

type Kind = Exclude<AnySchema['kind'], 'lazy'>;
type Of<K extends Kind> = Extract<AnySchema, { kind: K }>;
/** Emits code that takes one value off the input; returns the expression that holds it. */
type Emitter<K extends Kind> = (g: FunctionSource, schema: Of<K>, path: string) => string;

const word = (at: string): string => `(b[${at}]<<24|b[${at}+1]<<16|b[${at}+2]<<8|b[${at}+3])`;

function hold(g: FunctionSource, expression: string): string {
  const name = g.name();
  g.line(`const ${name}=${expression};`);
  return name;
}

function failIf(g: FunctionSource, condition: string, path: string, cause: string, value: string): void {
  g.line(`if(${condition})bad(${quote(path)},${quote(cause)},${value});`);
}

function hyper(signed: boolean): Emitter<any> {
  return (g, _schema, path) => {
    const at = g.take(8, path);
    const value = hold(g, `(${word(at)}${signed ? '' : '>>>0'})*4294967296+(${word(`${at}+4`)}>>>0)`);
    failIf(g, `!Number.isSafeInteger(${value})`, path, 'beyond 2^53 - 1', value);
    return value;
  };
}

function varBytes(g: FunctionSource, schema: { maxLength: number }, path: string): string {
  const length = hold(g, `${word(g.take(4, path))}>>>0`);
  g.flush();
  failIf(g, `${length}>${schema.maxLength}`, path, `more than ${schema.maxLength} bytes`, length);
  g.line(`if(${length}>e-o||(${length}+3&-4)>e-o)short(${quote(path)},${length},e-o);`);
  const value = hold(g, `b.subarray(o,o+${length})`);
  g.line(`o+=${length}+3&-4;`);
  return value;
}

function elements(g: FunctionSource, element: XdrType<unknown>, length: string, path: string): string {
  g.line(`if(${length}*${leastElementBytes(element, path)}>e-o)short(${quote(path)},${length},e-o);`);
  const value = hold(g, `new Array(${length})`);
  const index = g.name();
  g.line(`for(let ${index}=0;${index}<${length};${index}++){`);
  const one = read(g, element, `${path}[]`);
  g.flush();
  g.line(`${value}[${index}]=${one};}`);
  return value;
}

function fields(g: FunctionSource, entries: Of<'struct'>['entries'], path: string): string[] {
  return entries.map(([name, schema]) => `${quote(name)}:${read(g, schema, `${path}.${name}`)}`);
}

/** A list is read by a loop: its length is the sender's, and the stack is not. */
function list(g: FunctionSource, schema: Of<'struct'>, next: string, path: string): string {
  g.flush();
  const [head, tail, count] = [g.name(), g.name(), g.name()];
  g.line(`let ${head}=null,${tail}=null,${count}=0;for(;;){`);
  const node = hold(g, `{${[...fields(g, schema.entries.slice(0, -1), path), `${quote(next)}:null`].join()}}`);
  g.line(`if(${tail}===null)${head}=${node};else ${tail}[${quote(next)}]=${node};${tail}=${node};`);
  const more = presence(g, `${path}.${next}`);
  g.flush();
  g.line(`if(!${more})break;`);
  g.line(`if(++${count}>=${LIST_MAX})bad(${quote(path)},"a list longer than",${LIST_MAX});}`);
  return head;
}

function presence(g: FunctionSource, path: string): string {
  const value = hold(g, word(g.take(4, path)));
  failIf(g, `${value}>>>0>1`, path, 'neither 0 nor 1', value);
  return value;
}

function arm(g: FunctionSource, key: string, discriminant: string, chosen: UnionArm, path: string): string {
  if (!('schema' in chosen)) return `{${quote(key)}:${discriminant}}`;
  const value = read(g, chosen.schema, `${path}.${chosen.name}`);
  g.flush();
  return `{${quote(key)}:${discriminant},${quote(chosen.name)}:${value}}`;
}

const emitters: { [K in Kind]: Emitter<K> } = {
  void: () => 'undefined',
  int32: (g, _schema, path) => hold(g, word(g.take(4, path))),
  uint32: (g, _schema, path) => hold(g, `${word(g.take(4, path))}>>>0`),
  int64: hyper(true),
  uint64: hyper(false),
  float: (g, _schema, path) => hold(g, `b.readFloatBE(${g.take(4, path)})`),
  double: (g, _schema, path) => hold(g, `b.readDoubleBE(${g.take(8, path)})`),
  bool: (g, _schema, path) => hold(g, `${presence(g, path)}===1`),
  enum(g, schema, path) {
    const value = hold(g, word(g.take(4, path)));
    failIf(g, noneOf(schema.nameByValue.keys(), value, g.shared), path, 'no value of the enum', value);
    return value;
  },
  opaque(g, schema, path) {
    const at = g.take((schema.length + 3) & ~3, path);
    return hold(g, `b.subarray(${at},${at}+${schema.length})`);
  },
  varOpaque: varBytes,
  string: varBytes,
  array(g, schema, path) {
    const length = hold(g, `${word(g.take(4, path))}>>>0`);
    g.flush();
    failIf(g, `${length}>${schema.maxLength}`, path, `more than ${schema.maxLength} elements`, length);
    return elements(g, schema.element, length, path);
  },
  fixedArray(g, schema, path) {
    g.flush();
    return schema.length === 0 ? hold(g, '[]') : elements(g, schema.element, String(schema.length), path);
  },
  option(g, schema, path) {
    const present = presence(g, path);
    g.flush();
    const value = g.name();
    g.line(`let ${value}=null;if(${present}){`);
    const found = read(g, schema.element, path);
    g.flush();
    g.line(`${value}=${found};}`);
    return value;
  },
  struct(g, schema, path) {
    const next = listField(schema);
    if (next !== undefined) return list(g, schema, next, path);
    return hold(g, `{${fields(g, schema.entries, path).join()}}`);
  },
  union(g, schema, path) {
    const discriminant = read(g, schema.switchOn, `${path}.${schema.switchKey}`);
    g.flush();
    const value = g.name();
    g.line(`let ${value};switch(${discriminant}){`);
    for (const one of schema.cases) {
      g.line(`case ${String(one.discriminant)}:{`);
      const made = arm(g, schema.switchKey, discriminant, one.arm, `${path}.${one.name}`);
      g.line(`${value}=${made};break;}`);
    }
    g.line('default:{');
    if (schema.defaultArm === undefined) g.line(`bad(${quote(path)},"no arm for",${discriminant});`);
    else g.line(`${value}=${arm(g, schema.switchKey, discriminant, schema.defaultArm, `${path}.default`)};`);
    g.line('}}');
    return value;
  },
};

function inline(g: FunctionSource, schema: AnySchema, path: string): string {
  const emit = emitters[schema.kind as Kind] as Emitter<any> | undefined;
  if (emit === undefined) throw new Error(`${path}: unknown kind of XDR schema: ${schema.kind}`);
  return emit(g, schema, path);
}

function read(g: FunctionSource, schema: XdrType<unknown>, path: string): string {
  const found = resolve(schema);
  if (!g.shared.own.has(found)) return inline(g, found, path);
  g.flush();
  g.line('r.offset=o;');
  const value = hold(g, `f${g.shared.functionOf(found)}(r,d+1)`);
  g.line('o=r.offset;');
  return value;
}

/** The source of the function that reads a schema: `f<number>(r, d)`, with the reader and the depth. */
export function readerSource(shared: SharedSource, schema: AnySchema): string {
  const path = schema.name ?? schema.kind;
  const g = new FunctionSource(shared, (bytes, at) => `if(${bytes}>e-o)short(${quote(at)},${bytes},e-o);`);
  const value = inline(g, schema, path);
  g.flush();
  return `function f${shared.functionOf(schema)}(r,d){
if(d>${DEPTH_MAX})bad(${quote(path)},"nested deeper than",${DEPTH_MAX});
const b=r.buffer,e=r.end;let o=r.offset;
${g}
r.offset=o;return ${value};}`;
}
