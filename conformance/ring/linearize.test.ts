import t from 'tap';
import { FlareType } from '../../src/flare/types.ts';
import { type Answer, type Call, type Event, ghosts, type Id, type Shown } from './lib/history.ts';
import { linearize } from './lib/linearize.ts';

/* The judge of histories (docs/ring-testing.md) on histories of which it is known whether they can be. */

const ROOT = '00 1';
const FILE = '01 1';

function shown(id: Id, more: Partial<Shown> = {}): Shown {
  return { id, type: FlareType.file, nlink: 1, size: 0, version: 1, fileid: Number.parseInt(id, 16), ...more };
}

/** A call between two moments; without an answer it had none. */
function at(invoked: number, answered: number, call: Call, answer: Answer | null = {}): Event {
  return { client: 'c', call, invoked, answered: answer === null ? Infinity : answered, answer, copies: false };
}

const create = (name: string, id: Id): readonly [Call, Answer] => [
  { kind: 'create', directory: ROOT, name, type: FlareType.file, open: false },
  { shown: shown(id) },
];
const lookup = (name: string): Call => ({ kind: 'lookup', directory: ROOT, name });
const remove = (name: string): Call => ({ kind: 'remove', directory: ROOT, name });
const rename = (fromName: string, toName: string): Call => ({ kind: 'rename', from: ROOT, fromName, to: ROOT, toName });
const write = (token: string): Call => ({ kind: 'write', id: FILE, block: 0, token });
const NOENT: Answer = { refused: 'NOENT' };
const born = at(0, 1, ...create('a', FILE));

function verdict(events: readonly Event[]): string {
  return linearize(events, ROOT).kind;
}

t.test('histories that can be', async (t) => {
  const a: readonly [string, number] = ['a', 1];
  const b: readonly [string, number] = ['b', 1];
  const good: readonly (readonly [string, readonly Event[]])[] = [
    ['one after the other', [born, at(2, 3, lookup('a'), { shown: shown(FILE) }), at(4, 5, remove('a'))]],
    ['at the same time, in either order', [born, at(2, 5, remove('a')), at(3, 4, lookup('a'), NOENT)]],
    [
      'no answer, and done later',
      [born, at(2, 0, remove('a'), null), at(3, 4, lookup('a'), { shown: shown(FILE) }), at(5, 6, lookup('a'), NOENT)],
    ],
    ['no answer, and never done', [born, at(2, 0, remove('a'), null), at(3, 4, lookup('a'), { shown: shown(FILE) })]],
    [
      'a birth that was not answered, and is seen later',
      [
        at(0, 0, create('a', FILE)[0], null),
        at(1, 2, rename('a', 'b')),
        at(3, 4, lookup('b'), { shown: shown(FILE) }),
        at(5, 6, { kind: 'getattr', id: FILE }, { shown: shown(FILE, { version: 7 }) }),
      ],
    ],
    [
      'a move that would change nothing at first, and then moves the name',
      [
        born,
        at(2, 3, { kind: 'link', id: FILE, directory: ROOT, name: 'b' }),
        at(4, 9, rename('a', 'b')),
        at(5, 6, { kind: 'readdir', directory: ROOT }, { entries: new Map([a, b]) }),
        at(7, 8, remove('b')),
        at(10, 11, { kind: 'readdir', directory: ROOT }, { entries: new Map([b]) }),
      ],
    ],
    [
      'a write that is read while it goes on',
      [
        born,
        at(2, 6, write('x'), { shown: shown(FILE, { size: 16, version: 2 }) }),
        at(3, 4, { kind: 'read', id: FILE }, { shown: shown(FILE, { size: 16, version: 2 }), blocks: ['x'] }),
      ],
    ],
  ];
  for (const [name, events] of good) t.equal(verdict(events), 'linearizable', name);
});

t.test('histories that cannot be', async (t) => {
  const read = (blocks: string[], version: number): Answer => ({ shown: shown(FILE, { size: 16, version }), blocks });
  const bad: readonly (readonly [string, readonly Event[]])[] = [
    ['a name that was never taken away is gone', [born, at(2, 3, lookup('a'), NOENT)]],
    [
      'a name that was taken away is there',
      [born, at(2, 3, remove('a')), at(4, 5, lookup('a'), { shown: shown(FILE) })],
    ],
    ['both of two moves of one name', [born, at(2, 5, rename('a', 'b')), at(3, 4, rename('a', 'c'))]],
    [
      'a name seen again after it was seen gone',
      [born, at(2, 7, remove('a')), at(3, 4, lookup('a'), NOENT), at(5, 6, lookup('a'), { shown: shown(FILE) })],
    ],
    [
      'neither name of a move',
      [born, at(2, 9, rename('a', 'b')), at(3, 4, { kind: 'readdir', directory: ROOT }, { entries: new Map() })],
    ],
    [
      'a handle that names another file',
      [born, at(2, 3, remove('a')), at(4, 5, ...create('b', FILE)), at(6, 7, lookup('a'), { shown: shown(FILE) })],
    ],
    [
      'a write that is lost',
      [born, at(2, 3, write('x'), read(['x'], 2)), at(4, 5, { kind: 'read', id: FILE }, read([''], 2))],
    ],
    [
      'what was read is not there any more',
      [
        born,
        at(2, 9, write('x'), { shown: shown(FILE, { size: 16, version: 2 }) }),
        at(3, 4, { kind: 'read', id: FILE }, read(['x'], 2)),
        at(5, 6, { kind: 'read', id: FILE }, { shown: shown(FILE), blocks: [] }),
      ],
    ],
    ['a version that comes back', [born, at(2, 3, write('x'), read(['x'], 5)), at(4, 5, write('y'), read(['y'], 4))]],
    [
      'a version that changes by itself',
      [born, at(2, 3, { kind: 'getattr', id: FILE }, { shown: shown(FILE, { version: 2 }) })],
    ],
    [
      'a wrong count of links',
      [
        born,
        at(2, 3, { kind: 'link', id: FILE, directory: ROOT, name: 'b' }),
        at(4, 5, { kind: 'getattr', id: FILE }, { shown: shown(FILE, { version: 9 }) }),
      ],
    ],
  ];
  for (const [name, events] of bad) t.equal(verdict(events), 'not', name);
});

t.test('a loop of directories: of two moves into each other one is refused', async (t) => {
  const directory = (name: string, id: Id): readonly [Call, Answer] => [
    { kind: 'create', directory: ROOT, name, type: FlareType.directory, open: false },
    { shown: shown(id, { type: FlareType.directory, nlink: 2 }) },
  ];
  const [A, B] = ['0a 1', '0b 1'];
  const births = [at(0, 1, ...directory('a', A)), at(2, 3, ...directory('b', B))];
  const into = (fromName: string, to: Id): Call => ({ kind: 'rename', from: ROOT, fromName, to, toName: 'x' });
  t.equal(verdict([...births, at(4, 7, into('a', B)), at(5, 6, into('b', A))]), 'not');
  t.equal(verdict([...births, at(4, 7, into('a', B)), at(5, 6, into('b', A), { refused: 'INVAL' })]), 'linearizable');
});

t.test('a copy of a refused call counts only when its volcano died, and only then', async (t) => {
  const refused: Event = { ...at(2, 3, remove('b'), NOENT), copies: true };
  const later = [born, refused, at(4, 5, rename('a', 'b')), at(6, 7, lookup('b'), NOENT)];
  const death = (moment: number, id: Id) => ({ moment, owned: (flare: Id) => flare === id });
  t.equal(verdict(later), 'not', 'as it stands, nobody has taken b away');
  t.equal(verdict([...later, ...ghosts(later, [death(4, ROOT)])]), 'linearizable', 'the refusal was forgotten');
  t.equal(verdict([...later, ...ghosts(later, [death(4, FILE)])]), 'not', 'another volcano died');
  t.equal(verdict([...later, ...ghosts(later, [death(1, ROOT)])]), 'not', 'it died before');
  const single = [born, { ...refused, copies: false }, ...later.slice(2)];
  t.equal(verdict([...single, ...ghosts(single, [death(4, ROOT)])]), 'not', 'there was one copy only');
});
