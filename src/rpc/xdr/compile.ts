import type { AnySchema, XdrType } from '@stellar/js-xdr';
import { XdrError } from './error.ts';
import { readerSource } from './generate-reader.ts';
import { writerSource } from './generate-writer.ts';
import { ownFunctions, resolve } from './plan.ts';
import type { XdrReader } from './reader.ts';
import { SharedSource } from './source.ts';
import type { XdrWriter } from './writer.ts';

function bad(path: string, cause: string, value: unknown): never {
  const shown = typeof value === 'object' && value !== null ? value.constructor?.name : String(value);
  throw new XdrError(`${path}: ${cause}: ${shown}`);
}

function short(path: string, needed: number, left: number): never {
  throw new XdrError(`${path}: input ends early: ${needed} needed, ${left} bytes left`);
}

/** The source is made of numbers and JSON-quoted names of the program's own schemas alone; nothing from outside gets into it. */
function build(root: AnySchema, own: Set<AnySchema>, generate: (shared: SharedSource, schema: AnySchema) => string) {
  const shared = new SharedSource(own);
  const entry = shared.functionOf(root);
  const functions: string[] = [];
  for (let schema = shared.pending.pop(); schema !== undefined; schema = shared.pending.pop()) {
    functions.push(generate(shared, schema));
  }
  const source = `"use strict";\n${functions.join('\n')}\nreturn f${entry};`;
  return new Function('k', 'bad', 'short', source)(shared.constants, bad, short);
}

/** Generates the reader and the writer of a schema; see `compile`. */
export function generate(schema: XdrType<unknown>): {
  read(reader: XdrReader, depth: number): unknown;
  write(writer: XdrWriter, value: unknown, depth: number): void;
} {
  const root = resolve(schema);
  const own = ownFunctions(root);
  return { read: build(root, own, readerSource), write: build(root, own, writerSource) };
}
