import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Test } from 'tap';
import { inNamespace } from './namespace.ts';
import { run } from './run.ts';
import type { Teardown } from './volcano.ts';

/** What an independent dissector says of a capture. */
export interface Verdict {
  /** RPC messages seen. */
  readonly calls: number;
  readonly replies: number;
  /** Which packets are malformed. */
  readonly malformed: readonly string[];
  /** Which datagrams are no RPC to it. */
  readonly strangers: readonly string[];
  /** Transaction ids of calls that the client sent more than once, and no reply of which was seen: it waited in vain. */
  readonly unanswered: readonly string[];
  /** Calls sent once, no reply of which is in the capture. A capture of a busy host misses packets: a few mean nothing. */
  readonly missed: number;
}

/** What tshark may say of one capture, in bytes: some 40 a packet, and the long runs have millions. */
const DISSECTION_MAX = 256 * 1024 * 1024;

/** RPC comes before what else a client's reserved port may stand for; of programs that are not known the headers are read. */
const PREFERENCES = [
  'udp.try_heuristic_first:TRUE',
  'tcp.try_heuristic_first:TRUE',
  'rpc.dissect_unknown_programs:TRUE',
];

/** Takes a call for its own whose number happens to begin as its packets do, one in 128, and may come before RPC. */
const DISABLED = ['rtcp'];

/** ICMP quotes datagrams: those are seen already. */
const OF_INTEREST = '(rpc || _ws.malformed || udp) && !icmp && !icmpv6';

/** The pieces of one datagram lie that near to each other in a capture, in frames. */
const PIECES_WITHIN = 2_000;

/**
 * Whether tshark has put a datagram together of pieces of two: IPv4 numbers datagrams with 16 bits, so where the capture has missed a piece of one the others wait until that number comes again. `pieces`: the numbers of
 * their frames, between commas.
 */
export function isPatched(pieces: string): boolean {
  const frames = pieces.split(',').filter(Boolean).map(Number);
  return frames.length > 1 && Math.max(...frames) - Math.min(...frames) > PIECES_WITHIN;
}

/**
 * Reads a capture with tshark, or of it what servers on these ports sent. It tells RPC by its bytes, on any port, and a reply by the first call with its number: of servers,
 * further replies of that number are left out, as the call may have been another.
 */
export async function dissect(file: string, ports?: readonly number[]): Promise<Verdict> {
  const fields = ['frame.number', 'rpc.xid', 'rpc.msgtyp', '_ws.malformed', 'ip.fragment'];
  const set = `{${ports?.join(',')}}`;
  const filter =
    ports === undefined
      ? OF_INTEREST
      : `${OF_INTEREST} && !rpc.reply.dup && (udp.srcport in ${set} || tcp.srcport in ${set})`;
  const args = [
    '-r',
    file,
    ...PREFERENCES.flatMap((preference) => ['-o', preference]),
    ...DISABLED.flatMap((protocol) => ['--disable-protocol', protocol]),
    '-Y',
    filter,
    '-T',
    'fields',
    '-E',
    'separator=|',
    '-E',
    'aggregator=,',
  ];
  for (const field of fields) args.push('-e', field);
  const { status, stdout, stderr } = await run('tshark', args, { timeoutMs: 300_000, outputMax: DISSECTION_MAX });
  if (status !== 0) throw new Error(`tshark cannot read ${file}: ${stderr}`);
  const called = new Map<string, number>();
  const answered = new Set<string>();
  const malformed: string[] = [];
  const strangers: string[] = [];
  let calls = 0;
  let replies = 0;
  for (const line of stdout.split('\n')) {
    const [number, xids, types, bad, pieces = ''] = line.split('|');
    if (number === undefined || number === '' || isPatched(pieces)) continue;
    if (bad !== '') malformed.push(`frame ${number} of ${file}: ${bad}`);
    else if (xids === '') strangers.push(`frame ${number} of ${file}`);
    const kinds = types!.split(',');
    xids!.split(',').forEach((xid, index) => {
      if (xid === '') return;
      if (kinds[index] === '0') {
        calls++;
        called.set(xid, (called.get(xid) ?? 0) + 1);
      } else {
        replies++;
        answered.add(xid);
      }
    });
  }
  const open = [...called].filter(([xid]) => !answered.has(xid));
  const unanswered = open.filter(([, times]) => times > 1).map(([xid]) => xid);
  return { calls, replies, malformed, strangers, unanswered, missed: open.length - unanswered.length };
}

/** The most packets of one capture: what comes after them is not looked at. */
const PACKETS_MAX = 2_000_000;

/** Captures what passes a namespace's loopback into a file, until `stop`. */
export function captureLoopback(t: Teardown, namespace: string, file: string): Promise<{ stop(): Promise<void> }> {
  return captureLink(t, namespace, 'lo', file);
}

/** Captures what passes an interface of a namespace into a file, until `stop`. */
export async function captureLink(
  t: Teardown,
  namespace: string,
  link: string,
  file: string,
): Promise<{ stop(): Promise<void> }> {
  // Else replies that were given to the host as one message are seen before it has cut them into datagrams.
  const whole = spawnSync('ip', ['-n', namespace, 'link', 'set', link, 'gso_max_segs', '1']);
  if (whole.status !== 0) throw new Error(`cannot have datagrams seen one by one: ${whole.stderr}`);
  const [command, args] = inNamespace(
    namespace,
    'tcpdump',
    '--immediate-mode',
    '-B',
    '65536',
    '-i',
    link,
    '-U',
    '-c',
    `${PACKETS_MAX}`,
    '-w',
    file,
  );
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (data: Buffer) => {
      if (data.includes('listening on')) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error('tcpdump ended before it listened')));
  });
  return {
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}

/** Replies that may be missing from any capture, however short: tcpdump on a busy host misses packets. */
const MISSED_LEAST = 3;

/** Asserts what must hold of every capture: at least so many calls, none malformed, none unanswered. */
export async function wellFormed(t: Test, file: string, callsMin: number): Promise<void> {
  const { calls, malformed, unanswered, missed } = await dissect(file);
  t.ok(calls >= callsMin, `${calls} calls were captured`);
  t.same(malformed, [], 'no packet is malformed');
  t.same(unanswered, [], 'no call was sent again and never answered');
  const excused = Math.max(MISSED_LEAST, calls / 100);
  t.ok(missed <= excused, `${missed} replies are missing from the capture, at most one in a hundred`);
}
