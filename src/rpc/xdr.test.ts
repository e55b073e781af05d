import * as xdr from '@stellar/js-xdr';
import fc from 'fast-check';
import t from 'tap';
import { type Codec, compile, DEPTH_MAX, LIST_MAX, XdrError, XdrReader, XdrWriter } from './xdr.ts';

type Schema = xdr.XdrType<any>;

/** Values for any schema, in the shape of the compiled codec. */
function values(schema: Schema): fc.Arbitrary<any> {
  const known = schema as xdr.AnySchema;
  switch (known.kind) {
    case 'void':
      return fc.constant(undefined);
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1));
    case 'uint32':
      return fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constant(0xffffffff));
    case 'int64':
      return fc.oneof(fc.maxSafeInteger(), fc.constantFrom(Number.MIN_SAFE_INTEGER, -1, -(2 ** 32)));
    case 'uint64':
      return fc.oneof(fc.maxSafeNat(), fc.constantFrom(Number.MAX_SAFE_INTEGER, 2 ** 32));
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    case 'enum':
      return fc.constantFrom(...known.nameByValue.keys());
    case 'opaque':
      return bytes(known.length, known.length);
    case 'varOpaque':
    case 'string':
      return bytes(0, Math.min(known.maxLength, 70));
    case 'array':
      return fc.array(values(known.element), { maxLength: Math.min(known.maxLength, 6) });
    case 'fixedArray':
      return fc.array(values(known.element), { minLength: known.length, maxLength: known.length });
    case 'option':
      return fc.option(values(known.element));
    case 'struct':
      return fc.record(Object.fromEntries(known.entries.map(([name, part]) => [name, values(part)])), {
        noNullPrototype: true,
      });
    case 'union': {
      const arms = known.cases.map((one) => arm(known.switchKey, fc.constant(one.discriminant), one.arm));
      const taken = new Set(known.cases.map((one) => one.discriminant));
      const others = values(known.switchOn).filter((value) => !taken.has(value));
      if (known.defaultArm !== undefined) arms.push(arm(known.switchKey, others, known.defaultArm));
      return fc.oneof(...arms);
    }
    default:
      throw new Error(`no values for ${known.kind}`);
  }
}

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
}

function arm(key: string, discriminant: fc.Arbitrary<unknown>, chosen: xdr.UnionArm): fc.Arbitrary<object> {
  const parts: Record<string, fc.Arbitrary<unknown>> = { [key]: discriminant };
  if ('schema' in chosen) parts[chosen.name] = values(chosen.schema);
  return fc.record(parts, { noNullPrototype: true });
}

/** The same value in js-xdr's shape: bigints for hypers. */
function foreign(schema: Schema, value: any): any {
  const known = schema as xdr.AnySchema;
  switch (known.kind) {
    case 'int64':
    case 'uint64':
      return BigInt(value);
    case 'array':
    case 'fixedArray':
      return value.map((one: unknown) => foreign(known.element, one));
    case 'option':
      return value === null ? null : foreign(known.element, value);
    case 'struct':
      return Object.fromEntries(known.entries.map(([name, part]) => [name, foreign(part, value[name])]));
    case 'union': {
      const chosen = known.cases.find((one) => one.discriminant === value[known.switchKey])?.arm ?? known.defaultArm;
      if (chosen === undefined || !('schema' in chosen)) return value;
      return { ...value, [chosen.name]: foreign(chosen.schema, value[chosen.name]) };
    }
    default:
      return value;
  }
}

const Color = xdr.enumType('Color', { red: 0, green: 1, blue: 2 });
const Sparse = xdr.enumType('Sparse', { low: -7, none: 0, high: 1000 });
const Time = xdr.struct('Time', { seconds: xdr.uint32(), useconds: xdr.uint32() });
const Wide = xdr.struct(
  'Wide',
  Object.fromEntries(Array.from({ length: 130 }, (_, n) => [`f${n}`, n % 3 ? xdr.uint32() : xdr.string(9)])),
);
const Choice = xdr.union('Choice', {
  switchOn: Sparse,
  switchKey: 'status',
  cases: [
    xdr.case('low', Sparse.low, xdr.field('time', Time)),
    xdr.case('high', Sparse.high, xdr.field('data', xdr.varOpaque(30))),
  ],
  defaultArm: xdr.void(),
});
const Flag = xdr.union('Flag', {
  switchOn: xdr.bool(),
  cases: [xdr.case('yes', true, xdr.field('value', xdr.fixedArray(Choice, 2))), xdr.case('no', false, xdr.void())],
});
const Numbered = xdr.union('Numbered', {
  switchOn: xdr.uint32(),
  cases: [xdr.case('one', 1, xdr.field('flag', Flag)), xdr.case('big', 0xfffffff0, xdr.void())],
  defaultArm: xdr.field('rest', xdr.option(Time)),
});
const schemas: Record<string, Schema> = {
  void: xdr.void(),
  bool: xdr.bool(),
  int32: xdr.int32(),
  uint32: xdr.uint32(),
  int64: xdr.int64(),
  uint64: xdr.uint64(),
  float: xdr.float(),
  double: xdr.double(),
  Color,
  Sparse,
  opaque0: xdr.opaque(0),
  opaque5: xdr.opaque(5),
  opaque32: xdr.opaque(32),
  varOpaque: xdr.varOpaque(61),
  string: xdr.string(255),
  array: xdr.array(xdr.uint64(), 5),
  arrayOfStrings: xdr.array(xdr.string(7), 4),
  fixedArray: xdr.fixedArray(xdr.opaque(3), 3),
  option: xdr.option(xdr.string(8)),
  Time,
  Choice,
  Flag,
  Numbered,
  Wide,
  mixed: xdr.struct('mixed', {
    a: xdr.bool(),
    b: xdr.opaque(7),
    c: Color,
    d: xdr.int64(),
    e: xdr.string(20),
    f: xdr.option(Wide),
    g: xdr.array(Numbered, 3),
    h: xdr.double(),
    i: xdr.uint64(),
    j: xdr.option(xdr.fixedArray(xdr.array(xdr.int32(), 2), 2)),
    'a-b "c"': xdr.uint32(),
  }),
};

type Node = { name: Uint8Array; next: Node | null };
const Node: xdr.XdrType<Node> = xdr.struct('Node', {
  name: xdr.string(10),
  next: xdr.option(xdr.lazy((): xdr.XdrType<Node> => Node)),
});
type Tree = { value: number; kids: Tree[] };
const Tree: xdr.XdrType<Tree> = xdr.struct('Tree', {
  value: xdr.uint32(),
  kids: xdr.array(
    xdr.lazy((): xdr.XdrType<Tree> => Tree),
    8,
  ),
});

t.test('RFC 4506: the compiled codec writes and reads what js-xdr does, byte for byte', async (t) => {
  for (const [name, schema] of Object.entries(schemas)) {
    const codec = compile(schema) as Codec<any>;
    fc.assert(
      fc.property(values(schema), (value) => {
        const written = codec.encode(value);
        t.ok(written.equals(Buffer.from(schema.encode(foreign(schema, value)))), `${name}: same bytes`);
        t.strictSame(foreign(schema, codec.decode(written)), foreign(schema, value), `${name}: same value`);
      }),
      { numRuns: 60 },
    );
  }
});

t.test(
  'any bytes either give a value that js-xdr reads too, or an XdrError, and nothing beyond the end is read',
  async (t) => {
    for (const [name, schema] of Object.entries({ ...schemas, Node, Tree })) {
      const codec = compile(schema) as Codec<any>;
      const small = fc
        .array(fc.constantFrom(0, 0, 0, 1, 2, 4, 0xff), { maxLength: 120 })
        .map((list) => Buffer.from(list));
      fc.assert(
        fc.property(fc.oneof(small, bytes(0, 90)), (input) => {
          // What lies behind the end is never looked at: with other bytes there, the outcome is the same.
          const outcomes = [0x00, 0x01].map((filler) => {
            const framed = Buffer.concat([Buffer.alloc(3, filler), input, Buffer.alloc(64, filler)]);
            const reader = new XdrReader(framed, 3, 3 + input.length);
            try {
              const value = codec.read(reader);
              if (reader.offset > reader.end) t.fail(`${name}: over-read`);
              return JSON.stringify([reader.offset, value]);
            } catch (error) {
              if (!(error instanceof XdrError)) throw error;
              return 'XdrError';
            }
          });
          if (outcomes[0] !== outcomes[1]) t.fail(`${name}: read behind the end`);
          if (schema.validateXdr(input) && !/64/.test(name) && name !== 'mixed' && name !== 'array')
            codec.decode(input);
        }),
        { numRuns: 300 },
      );
    }
    t.pass('no other error');
  },
);

t.test('RFC 4506 §4.9: padding that is not zero is accepted, and zeroes are written', async (t) => {
  const codec = compile(xdr.struct('s', { fixed: xdr.opaque(5), text: xdr.string(9), last: xdr.varOpaque(9) }));
  const value = { fixed: Buffer.from('12345'), text: Buffer.from('ab'), last: Buffer.from('c') };
  const clean = codec.encode(value);
  const dirty = Buffer.from(clean);
  for (const at of [5, 6, 7, 14, 15, 21, 22, 23]) dirty[at] = 0xee;
  t.same(codec.decode(dirty), value);
  const writer = new XdrWriter();
  writer.append(Buffer.alloc(900, 0xff));
  writer.clear();
  codec.write(writer, value);
  t.same(writer.written(), clean, 'also over what the buffer held before');
});

t.test('byte strings alias the input', async (t) => {
  const input = Buffer.from('0000000461626364', 'hex');
  const value = compile(xdr.string(9)).decode(input);
  input[4] = 0x7a;
  t.equal(value.toString(), 'zbcd');
});

t.test('what does not fit is refused with a message that names the place', async (t) => {
  const refuse = (schema: Schema, value: unknown, message: RegExp) =>
    t.throws(() => (compile(schema) as Codec<any>).encode(value), { name: 'XdrError', message });
  refuse(xdr.uint32(), -1, /unsigned/);
  refuse(xdr.uint32(), 1.5, /unsigned/);
  refuse(xdr.uint32(), '1', /unsigned/);
  refuse(xdr.int32(), 2 ** 31, /32-bit/);
  refuse(xdr.uint64(), 2 ** 53, /whole/);
  refuse(xdr.uint64(), -1, /whole/);
  refuse(xdr.int64(), 1n, /whole/);
  refuse(xdr.bool(), 1, /boolean/);
  refuse(Color, 3, /Color: no value of the enum: 3/);
  refuse(Sparse, 1, /enum/);
  refuse(Time, null, /Time: no object/);
  refuse(Time, { seconds: 1 }, /Time\.useconds/);
  refuse(xdr.opaque(4), Buffer.alloc(5), /not 4 bytes/);
  refuse(xdr.varOpaque(4), Buffer.alloc(5), /more than 4 bytes/);
  refuse(xdr.string(4), 'abc', /no bytes/);
  refuse(xdr.array(Time, 1), [1, 2], /more than 1 elements/);
  refuse(xdr.array(Time, 1), [1], /array\[\]: no object/);
  refuse(xdr.fixedArray(Time, 2), [], /not 2 elements/);
  refuse(Flag, { type: 1 }, /boolean/);
  const refuseBytes = (schema: Schema, hex: string, message: RegExp) =>
    t.throws(() => compile(schema).decode(Buffer.from(hex, 'hex')), { name: 'XdrError', message });
  refuseBytes(xdr.bool(), '00000002', /neither 0 nor 1/);
  refuseBytes(xdr.bool(), 'ffffffff', /neither 0 nor 1/);
  refuseBytes(Color, '00000003', /Color/);
  refuseBytes(Time, '0000000100', /ends early/);
  refuseBytes(xdr.string(4), '000000056162636465000000', /more than 4/);
  refuseBytes(xdr.varOpaque(xdr.UNBOUNDED_MAX_LENGTH), 'ffffffff61626364', /ends early/);
  refuseBytes(xdr.varOpaque(9), '000000056162636465', /ends early/);
  refuseBytes(xdr.array(Time, xdr.UNBOUNDED_MAX_LENGTH), 'ffffffff61626364', /ends early/);
  refuseBytes(xdr.uint64(), '0020000000000000', /beyond/);
  refuseBytes(xdr.int64(), '8000000000000000', /beyond/);
  refuseBytes(xdr.uint32(), '0000000000000000', /left over/);
  t.throws(() => compile(xdr.array(xdr.void(), 4)), /at least one byte/);
});

t.test('a failed write leaves the writer as it was', async (t) => {
  const writer = new XdrWriter();
  writer.u32(7);
  t.throws(
    () => compile(xdr.array(xdr.string(3), 9)).write(writer, [Buffer.from('abc'), Buffer.from('abcd')]),
    XdrError,
  );
  t.equal(writer.position, 4);
});

t.test('RFC 4506 §4.19: lists of any length up to LIST_MAX do not touch the stack', async (t) => {
  const codec = compile(xdr.struct('Reply', { first: xdr.option(Node), end: xdr.bool() }));
  const make = (length: number) => {
    let first: any = null;
    for (let n = length; n > 0; n--) first = { name: Buffer.from(String(n)), next: first };
    return { first, end: true };
  };
  const short = codec.encode(make(3));
  t.same(codec.decode(short), make(3));
  t.same(short, Buffer.from(xdr.struct('Reply', { first: xdr.option(Node), end: xdr.bool() }).encode(make(3))));
  t.same(codec.decode(codec.encode({ first: null, end: false })), { first: null, end: false });
  let length = 0;
  for (let node: any = codec.decode(codec.encode(make(10_000))).first; node !== null; node = node.next) length += 1;
  t.equal(length, 10_000);
  t.throws(() => codec.encode(make(LIST_MAX + 1)), /a list longer than/);
  const endless = Buffer.alloc((LIST_MAX + 2) * 8 + 8);
  for (let at = 0; at < endless.length; at += 8) endless.writeUInt32BE(1, at);
  t.throws(() => codec.decode(endless), /a list longer than/);
  t.equal(codec.encode(make(LIST_MAX)).readUInt32BE(0), 1);
});

t.test('types that contain themselves nest up to DEPTH_MAX', async (t) => {
  const codec = compile(Tree);
  const deep = (depth: number): Tree => ({ value: depth, kids: depth === 0 ? [] : [deep(depth - 1)] });
  t.same(codec.decode(codec.encode(deep(DEPTH_MAX))), deep(DEPTH_MAX));
  t.same(codec.encode(deep(40)), Buffer.from(Tree.encode(deep(40))));
  t.throws(() => codec.encode(deep(DEPTH_MAX + 1)), /nested deeper/);
  t.throws(() => codec.decode(Buffer.alloc(4000, '0000000100000001', 'hex')), /nested deeper/);
  type Knot = { self: Knot };
  const Knot: xdr.XdrType<Knot> = xdr.struct('Knot', { self: xdr.lazy((): xdr.XdrType<Knot> => Knot) });
  t.throws(() => compile(Knot).decode(Buffer.alloc(8)), XdrError);
});

t.test('XdrWriter: reserve, patch, limit and reuse', async (t) => {
  const writer = new XdrWriter({ limit: 3_000_000 });
  const at = writer.reserve(4);
  writer.varOpaque(Buffer.from('abcde'));
  writer.patchU32(at, writer.position);
  t.equal(writer.copy().toString('hex'), '0000001000000005' + '6162636465000000');
  t.throws(() => writer.patchU32(writer.position - 3, 0), RangeError);
  t.throws(() => writer.append(Buffer.alloc(3_000_000)), /limit/);
  writer.append(Buffer.alloc(2_000_000));
  t.equal(writer.position, 2_000_016);
  writer.clear();
  t.equal(writer.position, 0);
  t.ok(writer.buffer.length < 2_000_000, 'large memory is let go of');
});

t.test('XdrWriter: memory that was handed over is not written again', async (t) => {
  const writer = new XdrWriter();
  writer.u32(1);
  const start = writer.position;
  writer.u32(2);
  const view = writer.written();
  writer.handOver(start);
  t.same(writer.copy().toString('hex'), '00000001');
  writer.u32(3);
  t.equal(writer.copy().toString('hex'), '0000000100000003');
  t.equal(view.toString('hex'), '0000000100000002');
});

t.test('XdrReader: bounds', async (t) => {
  const reader = new XdrReader(Buffer.from('00000001000000026162000000', 'hex'), 0, 12);
  t.equal(reader.u32(), 1);
  t.equal(reader.varBytes(2).toString(), 'ab');
  t.equal(reader.remaining, 0);
  t.throws(() => reader.u32(), XdrError);
  t.throws(() => reader.reset(Buffer.from('00000009', 'hex')).varBytes(8), /more than 8/);
  t.throws(() => reader.reset(Buffer.from('0000000161', 'hex')).varBytes(8), /ends early/);
});
