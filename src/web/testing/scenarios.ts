import type { ClientState, LogLine, State } from '../api.ts';
import { chance, client, procedures, ring, ringOf, volcano } from './made-up.ts';
import { BEGIN_MS, directory, file, type Node, type Scenario, STEP_MS } from './scenario.ts';

const LOG: readonly LogLine[] = [
  ['info', 'magmad', 'MAGMA version 0.1.0 serves NFS version 2', { nfsPort: 2049, mountPort: 20_048 }],
  ['info', 'dht', 'The map of the ring is current', { epoch: 14 }],
  ['debug', 'mountd', 'A client has mounted', { client: '192.168.7.11', path: '/boot/crates' }],
  ['info', 'kml', 'A segment was compacted', { segment: 1812, liveBytes: 3_145_728 }],
  ['warn', 'rpc', 'This client asks faster than it is answered', { client: '192.168.1.60', waiting: 128 }],
  ['error', 'portmap', 'The portmapper of this host does not answer; it is asked again', { port: 111 }],
  ['info', 'dht', 'A mirror has caught up', { volcano: 'gromit', records: 48 }],
].map(([level, room, text, fields], index) => ({
  time: BEGIN_MS - 90_000 + index * 11_000,
  level: { debug: 20, info: 30, warn: 40, error: 50 }[level as 'debug'],
  room: room as string,
  text: text as string,
  fields: fields as Record<string, unknown>,
}));

function tree(): Node {
  return directory({
    boot: directory({
      crates: directory({
        'vxworks-6.9': file(Buffer.alloc(4_718_592)),
        'u-boot.bin': file(Buffer.alloc(392_112)),
        'startup.cmd': file('ld < drivers.o\nsp main\n', 0o755),
      }),
    }),
    home: directory({ ada: directory({ 'notes.txt': file('lava\n', 0o600) }), ben: directory(), cleo: directory() }),
    srv: directory(
      Object.fromEntries(
        Array.from({ length: 430 }, (_, index) => [
          `run-${String(index).padStart(4, '0')}.dat`,
          file(Buffer.alloc(index * 37)),
        ]),
      ),
    ),
    empty: directory(),
    'README.txt': file('All that melts.\n'),
    'beam.log': { ...file(Buffer.alloc(81_920)), mode: 0o640, modified: BEGIN_MS - 42_000 },
    latest: { ...file('beam.log'), kind: 'symlink', mode: 0o777 },
  });
}

const CHANGE = { nickname: 'wallace', version: '0.1.0', may: 'change', key: true } as const;
const plain = (state: Scenario['state'], more: Partial<Scenario> = {}): Scenario => ({
  session: CHANGE,
  state,
  log: LOG,
  tree,
  ...more,
});

function dead(step: number): State {
  const base = ring(step);
  const [wallace, gromit, feathers] = base.volcanos;
  return {
    ...base,
    epoch: 15,
    singleCopies: 171,
    shortOfCopies: 171,
    volcanos: [
      { ...wallace!, slices: 86, mirrors: 85 },
      {
        ...gromit!,
        away: true,
        heardMs: base.now - 138_000,
        problem: 'gromit does not answer: no connection to 192.168.1.21 port 12001.',
        slices: 0,
        mirrors: 0,
      },
      { ...feathers!, slices: 170, mirrors: 0, warnings: ['Its disk is slow: a sync takes 340 ms.'] },
    ],
    runs: [
      { first: 0, count: 86, primary: 0, inSync: [], filling: [] },
      { first: 86, count: 85, primary: 2, inSync: [0], filling: [] },
      { first: 171, count: 85, primary: 2, inSync: [], filling: [] },
    ],
    procedures: base.procedures.filter((one) => one.volcano !== 'gromit'),
    clients: base.clients.filter((one) => one.volcano !== 'gromit'),
    clientsInAll: 4,
  };
}

/** A moment ago: only that it does not answer is seen. */
function quiet(step: number): State {
  const base = ring(step);
  const [wallace, gromit, feathers] = base.volcanos;
  return { ...base, volcanos: [wallace!, { ...gromit!, problem: 'no answer within 1.5 s', silent: true }, feathers!] };
}

/** Just now: nobody has taken over yet. */
function dying(step: number): State {
  const base = ring(step);
  const [wallace, gromit, feathers] = base.volcanos;
  const gone = { ...gromit!, away: true, heardMs: base.now - 9000, problem: 'gromit does not answer.' };
  return { ...base, volcanos: [wallace!, gone, feathers!] };
}

function filling(step: number): State {
  const base = ring(step);
  const [wallace, gromit, feathers] = base.volcanos;
  return {
    ...base,
    epoch: 17,
    shortOfCopies: 60,
    volcanos: [
      wallace!,
      gromit!,
      { ...feathers!, state: 'joining', slices: 0, mirrors: 25, filling: 60, figures: null, heardMs: null },
    ],
    runs: [
      { first: 0, count: 128, primary: 0, inSync: [1], filling: [] },
      { first: 128, count: 43, primary: 1, inSync: [0], filling: [] },
      { first: 171, count: 60, primary: 1, inSync: [0], filling: [2] },
      { first: 231, count: 25, primary: 1, inSync: [2], filling: [] },
    ],
  };
}

function alone(step: number): State {
  const base = ring(step);
  return {
    ...base,
    epoch: 1,
    copies: 1,
    singleCopies: 256,
    volcanos: [{ ...base.volcanos[0]!, slices: 256, mirrors: 0 }],
    runs: ringOf(1),
    procedures: [],
    clients: [],
    clientsInAll: 0,
    shares: [],
  };
}

function many(step: number): State {
  const base = ring(step);
  const clients = Array.from({ length: 500 }, (_, index): ClientState => {
    const address = `192.168.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
    const nickname = base.volcanos[index % 3]!.nickname;
    const calls = Math.round(2000 + chance(index) * 80_000 + step * chance(index + 7) * 40);
    if (address !== '192.168.1.77') return client(address, nickname, calls, { mounts: [`/home/user${index}`] });
    return client(address, nickname, calls, {
      retransmissions: 233,
      duplicates: 9,
      replayed: 224,
      lossPercent: 0.6,
      sick: true,
    });
  });
  return { ...base, clients, clientsInAll: 812 };
}

/** Names that would do something if they were taken for more than names. */
export const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(2)</script>',
  "'; alert(3); '",
  'javascript:alert(4)',
] as const;

function hostile(step: number): State {
  const base = ring(step);
  return {
    ...base,
    networkId: HOSTILE[0],
    volcanos: base.volcanos.map((one, index) => ({
      ...one,
      nickname: HOSTILE[index]!,
      serverName: HOSTILE[1],
      address: HOSTILE[2],
      warnings: [HOSTILE[0]],
    })),
    procedures: procedures(HOSTILE[0], step, 1).map((one) => ({
      ...one,
      program: HOSTILE[1],
      procedure: `${HOSTILE[0]}${one.procedure}`,
    })),
    clients: HOSTILE.map((text, index) =>
      client(text, HOSTILE[index]!, 1000 + step, { sick: true, lossPercent: 1, mounts: [text, '/a%FFb%1B'] }),
    ),
    shares: HOSTILE.map((text) => ({
      path: `/${text}`,
      rules: [`/${text} 10.0.0.0/8 w ${text}`, text],
      volcanos: [text],
    })),
  };
}

function hostileTree(): Node {
  return directory({
    ...Object.fromEntries(
      HOSTILE.map((name) => [name.replaceAll('/', '_'), directory({ [name.replaceAll('/', '_')]: file('x') })]),
    ),
    'a\xffb': file('no UTF-8'),
    'tab\tnew\nline': file('x'),
    'K\xc3\xa4se \xe2\x80\xaetxt.exe': file('x'),
    'back\\slash 100%?&#+': file('yes'),
    ['x'.repeat(255)]: file('long'),
  });
}

/** Volcanos with names as long as can be, and many of them. */
function large(step: number): State {
  const base = ring(step);
  const volcanos = Array.from({ length: 40 }, (_, index) =>
    volcano(`volcano-with-a-very-long-nickname-${index}`.padEnd(64, 'x'), index + 20, {
      self: index === 0,
      heardMs: base.now,
      slices: 6,
    }),
  );
  return {
    ...base,
    volcanos,
    runs: ringOf(40),
    procedures: procedures(volcanos[0]!.nickname, step, 40),
    networkId: base.networkId,
  };
}

/** All there are, by name. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  healthy: plain((step) => ring(step)),
  dead: plain(dead),
  quiet: plain(quiet),
  dying: plain(dying),
  filling: plain(filling),
  alone: plain(alone, { session: { ...CHANGE, may: 'look', key: false }, log: [], tree: () => directory() }),
  clients: plain(many, { session: { ...CHANGE, may: 'look' } }),
  hostile: plain(hostile, {
    session: { ...CHANGE, nickname: HOSTILE[0], version: HOSTILE[1] },
    tree: hostileTree,
    log: HOSTILE.map((text, index) => ({
      time: BEGIN_MS + index * STEP_MS,
      level: 40,
      room: text,
      text,
      fields: { [text]: text },
    })),
  }),
  login: plain((step) => ring(step), { session: { ...CHANGE, may: 'login' } }),
  large: plain(large),
};
