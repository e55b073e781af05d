import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { seededRandom } from '../src/base/random.ts';
import { CHROMIUM, startChromium } from './clients/chromium.ts';
import { LossyProxy } from './lib/lossy-proxy.ts';
import { freePort } from './lib/ports.ts';
import { unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { onTerminal } from './lib/terminal.ts';
import { Volcano } from './lib/volcano.ts';
import { UdpWire } from './lib/wire.ts';
import { mount, Nfs2Wire } from './lib/wire-nfs2.ts';
import { client } from './ring-real/lib/client.ts';
import { at, KEY, magma, scratch, startVolcano, whole } from './ring-real/lib/ring.ts';

/* The console of real volcanos (issue 7), with a real telnet client and with a plain socket. */

const TELNET = { commands: { telnet: 'inetutils-telnet', script: 'bsdutils' } };

/** Calls of each client, one after the other. */
const CALLS = 2000;

/** Types lines as a program does, and resolves with all that came back when the console has ended the connection. */
async function piped(port: number, lines: readonly string[], host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host);
  let shown = '';
  socket.on('data', (data: Buffer) => {
    shown += data.toString('latin1');
  });
  socket.end(Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
  await once(socket, 'close');
  return shown.replaceAll('\r\n', '\n');
}

t.test(
  'one volcano: by telnet, keys and TAB included, and through a pipe; what files are called and hold does nothing to the terminal; shutdown stops it in order',
  { timeout: TEST_TIMEOUT, skip: unmet(TELNET) },
  async (t) => {
    const port = await freePort();
    const volcano = await Volcano.start(t, { directory: scratch(t), nickname: 'wallace', consolePort: port });
    const { nfs, root } = await client(t, { volcano });
    const { handle } = await nfs.ok('CREATE', root, '\x1b[2J\xff', { mode: 0o644 });
    await nfs.ok('WRITE', handle!, 0, Buffer.from('one\x1b]0;two\x07\n', 'latin1'));
    const { handle: motd } = await nfs.ok('CREATE', root, 'motd', { mode: 0o644 });
    await nfs.ok('WRITE', motd!, 0, Buffer.from('hello\n'));

    const prompt = /MAGMA \[wallace\]:\/> $/;
    const { shown } = await onTerminal(
      ['telnet', '127.0.0.1', `${port}`],
      [
        [prompt, 'cat mo\t'],
        [/cat motd /, '\r'],
        [/hello[\s\S]*> $/, 'cat \\x1b\t\r'],
        [/one\\x1b[\s\S]*> $/, 'pxd\x7f\x7fwd\r'],
        [/\/\r\n[\s\S]*> $/, 'exit\r'],
      ],
      {},
    );
    t.match(
      shown,
      /Welcome to MAGMA version \d+\.\d+\.\d+\r\nThis is server wallace \([0-9a-f.:]+\)\r\n[\s\S]*MAGMA \[wallace\]:\/> /,
    );
    t.match(shown, 'one\\x1b]0;two\\x07\r\n');
    t.notOk(
      shown.replaceAll('\x1b[K', '').includes('\x1b'),
      'the console itself sends nothing but "erase to the end of the line"',
    );

    const script = await piped(port, [
      'ls',
      'inspect motd',
      'print acl',
      'print cache',
      'log records 5',
      'lava',
      'check',
      'debug on n',
      'clients',
      'exit',
    ]);
    t.match(script, /> \\x1b\[2J\\xff\n\.dht\nmotd\nMAGMA/, 'plain lines without an echo');
    t.match(script, /^primary +wallace\nmirrors +-$/m);
    t.match(script, /^ {2}bytes 0 to 5: segment \d+, position \d+$/m);
    t.match(script, /^\/ \* w +--share /m);
    t.match(script, /^\d+ +\d{4}-\d\d-\d\d .* write +\d+$/m);
    t.match(script, /256 of 256 slices are looked through\nsound\n/);
    t.match(script, /^127\.0\.0\.1 +\d+ +0 +0 +0 +0 % +\d+ s +- +\/$/m);
    await nfs.ok('GETATTR', root);
    await volcano.says(/"room":"nfs2".*"msg":"GETATTR"/);
    t.match(await piped(port, ['log lines 3']), /debug nfs2: GETATTR/);

    t.match(
      await piped(port, ['shutdown', 'no', 'erase motd', 'yes', 'ls']),
      /It goes on\.[\s\S]*\/motd is erased\.\n.*\\x1b\[2J\\xff\n\.dht\nMAGMA/,
    );
    volcano.assertAlive();
    t.match(await piped(port, ['shutdown', 'yes']), 'wallace stops.\n');
    await volcano.says(/"msg":"stopped"/);
  },
);

t.test(
  'a client with 1 % of its packets dropped is named, with an estimate within a factor of two; a healthy one beside it is not (issue 7)',
  { timeout: TEST_TIMEOUT, skip: unmet(CHROMIUM) },
  async (t) => {
    const port = await freePort();
    const webPort = await freePort();
    const [flarePort, nodePort] = [await freePort(), await freePort()];
    const flags = ['-p', `${flarePort}`, '--node-port', `${nodePort}`];
    const volcano = await Volcano.start(t, { directory: scratch(t), consolePort: port, webPort, key: KEY, flags });
    const proxy = await LossyProxy.start(t, volcano.nfsPort, seededRandom(20), { dropCall: 10, dropReply: 10 });
    const mountWire = await UdpWire.open(volcano.mountPort, '::1');
    const root = await mount(mountWire, '/');
    const [sick, healthy] = [await UdpWire.open(proxy.port), await UdpWire.open(volcano.nfsPort, '::1')];
    t.teardown(() => [mountWire, sick, healthy].map((wire) => wire.close()));
    for (const wire of [sick, healthy]) {
      const nfs = new Nfs2Wire(wire, { patience: { retransmitMs: 300, transmissions: 100 } });
      for (let calls = 0; calls < CALLS; calls++) await nfs.ok('GETATTR', root);
    }
    const shown = await piped(port, ['clients']);
    const [, percent] = /^The network of 127\.0\.0\.1 loses about ([\d.]+) % of packets\.$/m.exec(shown) ?? [];
    t.ok(Number(percent) >= 0.5 && Number(percent) <= 2, `${percent} %: ${shown}`);
    t.notMatch(shown, 'The network of ::1');
    t.match(shown, /^::1 +\d+ +\d+ +\d+ +\d+ +0[.\d]* % +\d+ s +- +\/$/m);
    const asked = at({ address: '127.0.0.1', nodePort });
    const { stdout } = await magma(['clients', ...asked]);
    t.match(stdout, /^127\.0\.0\.1 +test .*\n::1 +test .* 0[.\d]* % +\d+ s +- +\/$/m, 'the sick one stands first');
    t.match(stdout, `\nThe network of 127.0.0.1 loses about ${percent} % of packets.\n`, 'magma clients says the same');
    t.notMatch(stdout, 'The network of ::1');
    const page = await (await startChromium(t)).newPage();
    await page.goto(`http://127.0.0.1:${webPort}/`);
    await page.waitForSelector('body.ready');
    const alarms = ((await page.textContent('#alarms')) ?? '').replace(/[\u00a0\u202f]/g, ' ');
    t.equal(alarms, `▲The network of 127.0.0.1 loses about ${percent} % of packets.`, 'the page, too, and nobody else');
  },
);

t.test(
  'a ring of which one volcano is dead: lava, ls, inspect, locks and check answer on the other',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const port = await freePort();
    const first = await startVolcano(t, directory, {
      nickname: 'wallace',
      more: ['--failover', '2'],
      consolePort: port,
    });
    const second = await startVolcano(t, directory, { nickname: 'gromit', more: ['--failover', '2'] }, first);
    await whole(t, at(first), 2);
    const { nfs, root } = await client(t, first);
    for (let made = 0; made < 8; made++) {
      const { handle } = await nfs.ok('CREATE', root, `f${made}`, { mode: 0o644 });
      await nfs.ok('WRITE', handle!, 0, Buffer.from(`file ${made}\n`));
    }
    t.match(await piped(port, ['check']), /256 of 256 slices are looked through\nsound\n/);
    await second.volcano.kill();
    const shown = await piped(port, ['ls', ...Array.from({ length: 8 }, (_, n) => `cat f${n}`), 'inspect f0', 'locks']);
    t.match(shown, /> \.dht\nf0\nf1\nf2\nf3\nf4\nf5\nf6\nf7\nMAGMA/);
    for (let n = 0; n < 8; n++) t.match(shown, `> file ${n}\n`, "what was the dead one's own has been taken over");
    t.match(shown, /^primary +wallace$/m);
    t.match(shown, /^gromit: \S/m, 'locks says who did not answer');
    let lava = '';
    while (!/^gromit: nothing was heard of it for \d+ s$/m.test(lava)) lava = await piped(port, ['lava']);
    t.match(lava, /^wallace \(arbiter\) +serving .* this one$/m);
    t.match(await piped(port, ['check']), /notice: gromit: [\s\S]*sound\n/);
    t.equal(await first.volcano.stop(), 0);
  },
);
