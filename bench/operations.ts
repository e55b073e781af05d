/** Over what calls travel. */
export type Transport = 'udp' | 'tcp';

/** One operation of the benchmark. */
export interface Operation {
  readonly name: string;
  /** What it means, for `--help`. */
  readonly what: string;
  /** The most that a call may cost the server at a window above 1, in units; absent: no target. */
  readonly target?: Readonly<Record<Transport, number>>;
  /** Options of the load generator that it needs. */
  readonly load?: readonly string[];
}

/** All operations, in the order in which they are run. */
export const OPERATIONS: readonly Operation[] = [
  { name: 'null', what: 'NULL', target: { udp: 1.6, tcp: 0.8 } },
  { name: 'getattr', what: 'GETATTR of 100 files', target: { udp: 2.2, tcp: 1.5 } },
  { name: 'lookup', what: 'LOOKUP of 100 names in one directory', target: { udp: 2.8, tcp: 2 } },
  { name: 'read', what: 'READ of 8 KiB from 100 files of 64 KiB, cached', target: { udp: 4, tcp: 3.5 } },
  { name: 'write', what: 'WRITE of 8 KiB over those files, on stable storage', target: { udp: 9, tcp: 8 } },
  {
    name: 'create',
    what: 'CREATE of new files, a directory a connection, on stable storage',
    target: { udp: 14, tcp: 12 },
  },
  { name: 'remove', what: 'REMOVE of them', load: ['--warmup', '0', '--files', '5000'] },
  { name: 'rename', what: 'RENAME back and forth' },
  { name: 'mkdir', what: 'MKDIR' },
  { name: 'symlink', what: 'SYMLINK' },
  { name: 'readdir', what: 'READDIR of 500 entries, in pages', target: { udp: 13, tcp: 10 } },
  {
    name: 'mix',
    what: 'the LADDIS mix: 34 % lookup, 22 read, 15 write, 13 getattr, 8 readlink, ...',
    target: { udp: 6, tcp: 5 },
  },
];

/** What runs when nothing else is asked for: the operations that have a target. */
export const DEFAULT_OPERATIONS: readonly string[] = OPERATIONS.filter(({ target }) => target !== undefined).map(
  ({ name }) => name,
);

/** The operation of that name. */
export function operationOf(name: string): Operation | undefined {
  return OPERATIONS.find((operation) => operation.name === name);
}
