import t from 'tap';
import { ROOT } from '../acl/walk.ts';
import { seededRandom } from '../base/random.ts';
import { seeded } from '../base/testing/seed.ts';
import { TIMEOUT_MAX } from './options.ts';
import { REQUEST_MAX } from './packet.ts';
import { TRANSFERS_MAX, TRANSFERS_PER_CLIENT_MAX } from './server.ts';
import { words } from './testing/client.ts';
import { tftpHouse } from './testing/house.ts';
import { FIRST_TRIES_MAX } from './transfer.ts';
import { LINKS_MAX } from './tree.ts';

const bytes = (length: number): Buffer => seededRandom(length).bytes(length);

t.test('files of all lengths around the end of a block arrive whole (RFC 1350 §2)', async (t) => {
  const { file, fetch, lines, server } = await tftpHouse(t);
  for (const length of [0, 1, 511, 512, 513, 1024, 70_000]) {
    await file(`/tftp/f${length}`, bytes(length));
    const { data, blocks } = await fetch(`f${length}`);
    t.same(data, bytes(length), `${length} bytes`);
    t.equal(blocks.length, Math.floor(length / 512) + 1, 'a short block is the last one');
    t.match(lines.at(-1), { message: 'Sent by TFTP', client: '10.0.0.2', path: `f${length}`, bytes: length, again: 0 });
  }
  t.equal(server.transfers, 0);
});

t.test('options: blksize, tsize, timeout (RFC 2347 to 2349); unknown ones and nonsense are left out', async (t) => {
  const { file, fetch } = await tftpHouse(t);
  await file('/tftp/f', bytes(20_000));
  const asked: [Record<string, string | number>, Record<string, string>, number][] = [
    [{}, {}, 40],
    [{ blksize: 1468, tsize: 0, timeout: 5 }, { blksize: '1468', tsize: '20000', timeout: '5' }, 14],
    [{ BLKSIZE: 1024 }, { blksize: '1024' }, 20],
    [{ blksize: 65_464 }, { blksize: '8192' }, 3],
    [{ blksize: 8 }, { blksize: '8' }, 2501],
    [{ blksize: 7, timeout: 0, tsize: 'x', windowsize: 4 }, {}, 40],
    [{ timeout: TIMEOUT_MAX }, { timeout: `${TIMEOUT_MAX}` }, 40],
    [{ blksize: 65_465, timeout: TIMEOUT_MAX + 1 }, {}, 40],
  ];
  for (const [options, told, count] of asked) {
    const got = await fetch('f', { options });
    t.same(got.data, bytes(20_000));
    t.same([got.options, got.blocks.length], [told, count], JSON.stringify(options));
  }
});

t.test('a rule’s tsize holds for blocks too: cards that lose long bursts boot as well (FIELD.md row 18)', async (t) => {
  const { file, fetch } = await tftpHouse(t, '/ * r tsize=1024');
  await file('/tftp/f', bytes(3000));
  const got = await fetch('f', { options: { blksize: 1468 } });
  t.same([got.options, got.data], [{ blksize: '1024' }, bytes(3000)]);
});

t.test('netascii: ends of lines, across blocks too; its length is not told', async (t) => {
  const { file, fetch } = await tftpHouse(t);
  const text = `${'x'.repeat(511)}\na\rb\r\n${'y'.repeat(600)}\n`;
  await file('/tftp/text', Buffer.from(text));
  const got = await fetch('text', { mode: 'NetASCII', options: { tsize: 0, blksize: 512 } });
  t.equal(String(got.data), `${'x'.repeat(511)}\r\na\r\0b\r\0\r\n${'y'.repeat(600)}\r\n`);
  t.same(got.options, { blksize: '512' });
});

t.test('no way out of what is served: .., symlinks, absolute names', async (t) => {
  const { file, link, fetch, directory } = await tftpHouse(t);
  await file('/secret', Buffer.from('secret'));
  await file('/tftp/boot/kernel', Buffer.from('kernel'));
  await directory('/tftp/dir');
  for (const [name, target] of [
    ['C0A80128', 'boot/kernel'],
    ['absolute', '/boot/kernel'],
    ['boot/up', '../boot/./kernel'],
    ['boot/again', '../C0A80128'],
    ['out', '../secret'],
    ['deep', 'boot/../../secret'],
    ['root', '/secret'],
    ['loop', 'loop'],
    ['nothing', 'gone'],
  ] as const)
    await link(`/tftp/${name}`, target);
  for (const name of [
    'boot/kernel',
    '/boot/kernel',
    '//boot/./kernel',
    'C0A80128',
    'absolute',
    'boot/up',
    'boot/again',
  ])
    t.equal(String((await fetch(name)).data), 'kernel', name);
  const refused: [string, RegExp][] = [
    ['../secret', /^2 .*\.\./],
    ['/../secret', /^2 /],
    ['boot/../../secret', /^2 /],
    ['boot/../boot/kernel', /^2 /],
    ['/secret', /^1 there is no such file/],
    ['/tftp/boot/kernel', /^1 /],
    ['out', /^2 a symlink leads out/],
    ['deep', /^2 a symlink leads out/],
    ['root', /^1 /],
    ['loop', /^2 too many symlinks/],
    ['nothing', /^1 /],
    ['dir', /^2 it is a directory/],
    ['boot/kernel/x', /^1 /],
    ['', /silence/],
    [`${'x'.repeat(300)}`, /^1 /],
  ];
  for (const [name, error] of refused) t.match((await fetch(name)).error, error, name);
  for (let at = 0; at < LINKS_MAX; at++) await link(`/tftp/chain${at}`, at === 0 ? 'boot/kernel' : `chain${at - 1}`);
  t.equal(String((await fetch(`chain${LINKS_MAX - 1}`)).data), 'kernel', 'LINKS_MAX of them');
  await link('/tftp/longer', `chain${LINKS_MAX - 1}`);
  t.match((await fetch('longer')).error, /too many symlinks/);
});

t.test('rules and permissions hold: who asks is anonymous; refusals are logged', async (t) => {
  const { file, fetch, lines, link } = await tftpHouse(t, '/ * r\n/tftp/closed * n\n/tftp/other 10.0.0.9 r');
  await file('/tftp/closed/f', Buffer.from('x'));
  await file('/tftp/mine', Buffer.from('x'), 0o600);
  await file('/tftp/open', Buffer.from('x'), 0o604);
  await link('/tftp/way', 'closed/f');
  t.equal(String((await fetch('open')).data), 'x');
  for (const name of ['closed/f', 'mine', 'way']) {
    t.match((await fetch(name)).error, /^2 the rules or its permissions/, name);
    t.match(lines.at(-1), { message: 'Refused', client: '10.0.0.2', path: name });
  }
});

t.test('a share that is none any more serves nothing', async (t) => {
  const { file, fetch, shares } = await tftpHouse(t, '/tftp * r', { share: '/tftp', path: '/sub' });
  await file('/tftp/sub/f', Buffer.from('x'));
  t.equal(String((await fetch('f')).data), 'x');
  await shares.reload([]);
  t.match((await fetch('f')).error, /^1 /);
});

t.test('writing, other modes and what is no request: refused, or not answered', async (t) => {
  const { file, fetch, far } = await tftpHouse(t);
  await file('/tftp/f', Buffer.from('x'));
  t.match((await fetch('f', { opcode: 2 })).error, /^2 nothing is written/);
  t.match((await fetch('f', { mode: 'mail' })).error, /^4 /);
  const socket = await far.bindDatagram([], 0);
  let answers = 0;
  socket.onMessage(() => {
    answers += 1;
  });
  const noise = [Buffer.alloc(0), words(1, 'f'), words(3, 'f', 'octet'), words(1, 'f', 'octet', 'blksize')];
  noise.push(words(1, 'f', 'octet').subarray(0, -1), words(1, 'f', 'octet', 'x', 'y'.repeat(REQUEST_MAX)));
  for (const packet of noise) socket.send(packet, { address: '10.0.0.1', port: 69 });
  t.equal(String((await fetch('f')).data), 'x');
  t.equal(answers, 0);
});

t.test('lost, doubled and late packets: every file arrives whole, and no block twice', async (t) => {
  let whole = 0;
  const { random } = seeded((line) => t.comment(line));
  for (let round = 0; round < 12; round++) {
    const { file, fetch, network } = await tftpHouse(t, '/ * r', { share: '/', path: '/tftp' }, random.below(2 ** 31));
    network.faults.set({ loss: 0.15, duplicate: 0.1, late: 0.1, lateMs: 1_200 });
    const data = bytes(1 + random.below(30_000));
    await file('/tftp/f', data);
    const got = await fetch('f', { options: round % 2 === 0 ? {} : { blksize: 1024, tsize: 0 } });
    // A reply that is late may answer an earlier try: then the client has been told an error, or nothing, but never other bytes.
    if (got.data !== null) whole += 1;
    if (got.data !== null) t.ok(got.data.equals(data), `round ${round}`);
    else t.match(got.error, /silence|does not answer|another transfer/);
  }
  t.ok(whole >= 9, `${whole} of 12`);
});

t.test('an ACK that comes twice brings forth nothing (RFC 1123 §4.2.3.1)', async (t) => {
  const { file, fetch, network, lines } = await tftpHouse(t);
  await file('/tftp/f', bytes(50_000));
  network.faults.set({ duplicate: 1 });
  const got = await fetch('f');
  t.ok(got.data?.equals(bytes(50_000)));
  t.match(lines.at(-1), { message: 'Sent by TFTP', again: 0 });
});

t.test('who does not answer is given up: soon when nothing was ever heard of him', async (t) => {
  const { file, fetch, lines, server } = await tftpHouse(t);
  await file('/tftp/f', bytes(5000));
  const silent = await fetch('f', { onBlock: () => false });
  t.equal(silent.data, null);
  t.match(silent.error, /does not answer/);
  t.match(lines.at(-1), {
    message: 'Not sent by TFTP',
    again: FIRST_TRIES_MAX - 1,
    reason: 'the client does not answer',
  });
  await fetch('f', { onBlock: (block) => block < 3 });
  t.match(lines.at(-1), { again: 7, bytes: 1024 });
  t.equal(server.transfers, 0);
});

t.test('a file that changes while it is sent is not mixed from two moments', async (t) => {
  const { file, fetch, service } = await tftpHouse(t);
  const made = await file('/tftp/f', bytes(200_000));
  const got = await fetch('f', {
    onBlock(block) {
      if (block === 3) void service.write(ROOT, made, 150_000, Buffer.from('new'));
      return true;
    },
  });
  t.match(got.error, /the file has changed/);
});

t.test('another port cannot speak for a transfer: it is told so (RFC 1350 §4)', async (t) => {
  const { file, far } = await tftpHouse(t);
  await file('/tftp/f', bytes(2000));
  const [mine, other] = [await far.bindDatagram(['10.0.0.2'], 0), await far.bindDatagram(['10.0.0.2'], 0)];
  const heard: string[] = [];
  const first = Promise.withResolvers<number>();
  const stranger = Promise.withResolvers<void>();
  mine.onMessage((data, from) => {
    heard.push(data.toString('hex', 0, 4));
    first.resolve(from.port);
  });
  other.onMessage((data) => {
    heard.push(`other ${data.toString('hex', 0, 4)}`);
    stranger.resolve();
  });
  mine.send(words(1, 'f', 'octet'), { address: '10.0.0.1', port: 69 });
  const port = await first.promise;
  other.send(Buffer.from('00040001', 'hex'), { address: '10.0.0.1', port });
  await stranger.promise;
  t.same(heard, ['00030001', 'other 00050005'], 'no second block');
});

t.test('bounds: transfers of one address, and in all; who comes then is told, and there is room later', async (t) => {
  const { file, fetch, far, server, lines } = await tftpHouse(t);
  await file('/tftp/f', bytes(5000));
  t.ok(TRANSFERS_PER_CLIENT_MAX < TRANSFERS_MAX);
  const held = Array.from({ length: TRANSFERS_PER_CLIENT_MAX }, () => fetch('f', { onBlock: () => false }));
  const probe = await far.bindDatagram([], 0);
  const refused = Promise.withResolvers<string>();
  probe.onMessage((data) => refused.resolve(data.toString('latin1', 4)));
  await new Promise((resolve) => setImmediate(resolve));
  probe.send(words(1, 'f', 'octet'), { address: '10.0.0.1', port: 69 });
  t.match(await refused.promise, /too many transfers/);
  t.equal(lines.filter(({ message }) => /too many transfers/.test(message)).length, 1);
  await Promise.all(held);
  t.equal(server.transfers, 0);
  t.ok((await fetch('f')).data !== null);
});

t.test('at its end the server tells who still waits', async (t) => {
  const { file, fetch, server } = await tftpHouse(t);
  await file('/tftp/f', bytes(5000));
  const onBlock = (block: number): boolean => {
    if (block === 2) void server.close();
    return block < 2;
  };
  const got = fetch('f', { onBlock });
  t.match((await got).error, /the server ends/);
});
