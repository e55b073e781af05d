import type { Infer, XdrType } from '@stellar/js-xdr';

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

export type XdrReader = object;
export type XdrWriter = object;

/** A compiled reader and writer of one XDR type (RFC 4506). */
export interface Codec<T> {
  /** Appends the value. Throws `XdrError` when it does not fit the schema. */
  write(writer: XdrWriter, value: T): void;
  /** Takes one value off the reader. Throws `XdrError` on short or impossible input. Byte strings alias the input. */
  read(reader: XdrReader): T;
  /** The value's bytes, in a buffer of their own. */
  encode(value: T): Buffer;
  /** The one value that the bytes hold; throws `XdrError` when bytes are left over. */
  decode(bytes: Uint8Array): T;
}
