import type { Infer, XdrType } from '@stellar/js-xdr';
import { generate } from './xdr/compile.ts';
import { XdrError } from './xdr/error.ts';
import { asBuffer, XdrReader } from './xdr/reader.ts';
import { XdrWriter } from './xdr/writer.ts';

export { XdrError } from './xdr/error.ts';
export { XdrReader } from './xdr/reader.ts';
export { DEPTH_MAX, LIST_MAX } from './xdr/source.ts';
export { WRITER_BYTES_KEPT, WRITER_BYTES_MAX, XdrWriter } from './xdr/writer.ts';

/**
 * The JavaScript shape that the compiled codec uses for a js-xdr schema: as `Infer`, but hypers are numbers (whole, at most
 * 2^53 - 1; others are refused) and byte strings are Buffers.
 */
export type Plain<T> = T extends bigint
  ? number
  : T extends Uint8Array
    ? Buffer
    : T extends readonly (infer E)[]
      ? readonly Plain<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Plain<T[K]> }
        : T;

/** The value type of a compiled schema. */
export type Value<S> = S extends XdrType<unknown> ? Plain<Infer<S>> : never;

/** A compiled reader and writer of one XDR type (RFC 4506). */
export interface Codec<T> {
  /** Appends the value. Throws `XdrError` when it does not fit the schema; the writer then stands where it stood. */
  write(writer: XdrWriter, value: T): void;
  /** Takes one value off the reader. Throws `XdrError` on short or impossible input. Byte strings alias the input. */
  read(reader: XdrReader): T;
  /** The value's bytes, in a buffer of their own. */
  encode(value: T): Buffer;
  /** The one value that the bytes hold; throws `XdrError` when bytes are left over. */
  decode(bytes: Uint8Array): T;
}

const scratch = new XdrWriter();

/**
 * Generates the codec of a js-xdr schema: straight-line code, many times faster than the schema's own walk, with the same bytes. It
 * differs in this: padding may hold anything on input (zeroes are written), hypers are numbers, and a list (a struct whose last field is an
 * option of the struct itself) is read and written by a loop, up to `LIST_MAX` long. Types that contain themselves otherwise nest up to `DEPTH_MAX`.
 */
export function compile<S extends XdrType<any>>(schema: S): Codec<Value<S>> {
  const { read, write } = generate(schema);
  const codec: Codec<unknown> = {
    write(writer, value) {
      const start = writer.position;
      try {
        write(writer, value, 0);
      } catch (error) {
        writer.position = start;
        throw error;
      }
    },
    read: (reader) => read(reader, 0),
    encode(value) {
      scratch.clear();
      write(scratch, value, 0);
      return scratch.copy();
    },
    decode(bytes) {
      const reader = new XdrReader(asBuffer(bytes));
      const value = read(reader, 0);
      if (reader.remaining > 0) throw new XdrError(`${reader.remaining} bytes are left over behind the value`);
      return value;
    },
  };
  return codec as Codec<Value<S>>;
}
