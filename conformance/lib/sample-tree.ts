import {
  appendFileSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Test } from 'tap';
import { systemRandom } from '../../src/base/random.ts';
import type { Goal } from '../../src/client-fuse/crypto/changes.ts';
import { outcome } from '../../src/client-fuse/crypto/testing/model.ts';

/* A tree in which everything occurs that the format of an encrypted tree has cases for. */

/** Names of 1 to 255 bytes: around the sizes where one more block of EME, or a file for the name, is needed; not only UTF-8; the format's own names. */
export const NAMES: readonly Buffer[] = [
  'a',
  '-',
  ' ',
  '...',
  'with\nnewline',
  'grüße.txt',
  '日本語のファイル名',
  'gocryptfs.diriv',
  'gocryptfs.conf',
  'gocryptfs.longname.x',
  '\xff\xfe\x80',
]
  .map((name) => Buffer.from(name, name.includes('\xff') ? 'latin1' : 'utf8'))
  .concat(
    [15, 16, 17, 47, 48, 63, 64, 175, 176, 254, 255].map((length) =>
      Buffer.from(`${length}`.padEnd(length, 'ü'), 'latin1'),
    ),
  );

export interface Sample {
  readonly name: Buffer;
  readonly goals: readonly Goal[];
}

export function bytes(length: number): Buffer {
  return systemRandom.bytes(length);
}

export function write(offset: number, length: number): Goal {
  return { kind: 'write', offset, data: bytes(length) };
}

export const SAMPLES: readonly Sample[] = [
  ...[1, 2, 100, 4095, 4096, 4097, 5000, 8191, 8192, 8193, 131072, 1048577].map((size) => ({
    name: Buffer.from(`size ${size}`),
    goals: [write(0, size)],
  })),
  { name: Buffer.from('empty'), goals: [] },
  { name: Buffer.from('large'), goals: Array.from({ length: 12 }, (_, index) => write(index * 1_000_000, 1_000_000)) },
  { name: Buffer.from('zeros'), goals: [{ kind: 'write', offset: 0, data: Buffer.alloc(10_000) }] },
  { name: Buffer.from('hole at the beginning'), goals: [write(100_000, 10)] },
  { name: Buffer.from('hole in the first block'), goals: [write(100, 10)] },
  { name: Buffer.from('hole in the middle'), goals: [write(0, 10), write(50_000, 5000)] },
  { name: Buffer.from('hole to a boundary'), goals: [write(0, 10), write(8192, 5)] },
  { name: Buffer.from('hole only, aligned'), goals: [{ kind: 'resize', size: 40_960 }] },
  { name: Buffer.from('hole only'), goals: [{ kind: 'resize', size: 40_961 }] },
  { name: Buffer.from('hole at the end'), goals: [write(0, 5000), { kind: 'resize', size: 81_920 }] },
  { name: Buffer.from('short hole'), goals: [write(0, 5000), { kind: 'resize', size: 5001 }] },
  { name: Buffer.from('cut in a block'), goals: [write(0, 20_000), { kind: 'resize', size: 9000 }] },
  { name: Buffer.from('cut at a block'), goals: [write(0, 20_000), { kind: 'resize', size: 8192 }] },
  { name: Buffer.from('cut to nothing'), goals: [write(0, 20_000), { kind: 'resize', size: 0 }] },
  {
    name: Buffer.from('cut and grown'),
    goals: [write(0, 9000), { kind: 'resize', size: 100 }, { kind: 'resize', size: 9000 }],
  },
  { name: Buffer.from('cut into a hole'), goals: [write(50_000, 10), { kind: 'resize', size: 6000 }] },
  { name: Buffer.from('appended'), goals: [write(0, 4000), { kind: 'append', data: bytes(5000) }, write(3990, 200)] },
  { name: Buffer.from('written over'), goals: [write(0, 20_000), write(4095, 2), write(8192, 4096), write(1, 19_998)] },
];

export const TARGETS = ['x', '../a/b', '/absolute', 'grüße', '\xff\x80', `${'d/'.repeat(300)}end`].map((target) =>
  Buffer.from(target, 'latin1'),
);

export function at(path: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${path}/`), name]);
}

/** Makes the whole sample tree below a path. */
export function writeSampleTree(path: string): void {
  for (const name of NAMES) writeFileSync(at(path, name), name);
  mkdirSync(`${path}/directories/${'D'.repeat(200)}`, { recursive: true });
  for (const name of NAMES) {
    mkdirSync(at(`${path}/directories/${'D'.repeat(200)}`, name));
    writeFileSync(
      Buffer.concat([at(`${path}/directories/${'D'.repeat(200)}`, name), Buffer.from('/inside')]),
      bytes(1),
    );
  }
  mkdirSync(`${path}/files`);
  for (const { name, goals } of SAMPLES) {
    closeSync(openSync(at(`${path}/files`, name), 'w'));
    for (const goal of goals) changePlain(at(`${path}/files`, name), goal);
  }
  mkdirSync(`${path}/links`);
  for (const [index, target] of TARGETS.entries()) symlinkSync(target, `${path}/links/${index}`);
}

export function changePlain(path: Buffer | string, goal: Goal): void {
  if (goal.kind === 'resize') truncateSync(path, goal.size);
  else if (goal.kind === 'append') appendFileSync(path, goal.data);
  else {
    const file = openSync(path, 'r+');
    writeSync(file, goal.data, 0, goal.data.length, goal.offset);
    closeSync(file);
  }
}

export function sorted(names: readonly Buffer[]): Buffer[] {
  return [...names].sort(Buffer.compare);
}

export const ROOT_NAMES = sorted([...NAMES, ...['directories', 'files', 'links'].map((name) => Buffer.from(name))]);

/** Looks whether the whole sample tree is below a path, and nothing else. */
export function checkSampleTree(t: Test, path: string): void {
  t.same(sorted(readdirSync(path, 'buffer')), ROOT_NAMES, 'names');
  t.ok(
    NAMES.every((name) => readFileSync(at(path, name)).equals(name)),
    'each file holds its name',
  );
  const deep = `${path}/directories/${'D'.repeat(200)}`;
  t.same(sorted(readdirSync(deep, 'buffer')), sorted(NAMES), 'names of directories');
  for (const name of NAMES) t.same(readdirSync(at(deep, name)), ['inside']);
  for (const { name, goals } of SAMPLES) {
    const file = at(`${path}/files`, name);
    const wanted = outcome(goals);
    t.equal(lstatSync(file).size, wanted.length, `${name}: size`);
    t.ok(readFileSync(file).equals(wanted), name.toString());
  }
  for (const [index, target] of TARGETS.entries()) {
    t.same(readlinkSync(`${path}/links/${index}`, 'buffer'), target);
    t.equal(lstatSync(`${path}/links/${index}`).size, target.length, 'the length of the target');
  }
}
