import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import type { Listing, State } from '../src/web/api.ts';
import { ask, open, Visitor } from '../src/web/testing/world.ts';
import { freePort } from './lib/ports.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { client } from './ring-real/lib/client.ts';
import { at, KEY, scratch, startVolcano, whole } from './ring-real/lib/ring.ts';

/* The server side of the web page of real volcanos (issue 7), over real sockets. */

const PROMTOOL = { commands: { promtool: 'prometheus' } };
/** What one volcano needs to have a key: the two ports that it opens then. */
const ANY_PORTS = ['-i', '127.0.0.1', '-p', '0', '--node-port', '0'];

/** How often a state that is to come is looked for, in milliseconds. */
const POLL_MS = 50;

/** Sends bytes as they are, and resolves with the status that comes back. */
async function rawStatus(port: number, head: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let shown = '';
  socket.on('data', (data: Buffer) => {
    shown += data.toString('latin1');
  });
  socket.end(Buffer.from(`${head}\r\nConnection: close\r\n\r\n`, 'latin1'));
  await once(socket, 'close');
  return Number(/^HTTP\/1\.1 (\d+)/.exec(shown)?.[1]);
}

t.test(
  'one volcano: what clients see is what the page has, and the reverse; nobody else changes anything; names and paths do no harm',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const port = await freePort();
    const directory = scratch(t);
    const volcano = await Volcano.start(t, {
      directory,
      nickname: 'wallace',
      webPort: port,
      key: KEY,
      flags: ANY_PORTS,
    });
    const { nfs, root } = await client(t, { volcano });
    const name = '<img src=x onerror=alert(1)>"\xff';
    const { handle } = await nfs.ok('CREATE', root, name, { mode: 0o644 });
    await nfs.ok('WRITE', handle!, 0, Buffer.from('<script>alert(1)</script>'));

    const operator = new Visitor(port);
    t.match(await operator.look(), { nickname: 'wallace', may: 'look', key: true });
    const { entries } = (await operator.ask('/api/list?path=/')).json<Listing>();
    const shown = entries.find(({ size }) => size === 25)!.name;
    t.equal(shown, '%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%22%FF');
    const file = await operator.ask(`/api/file?path=/${shown}`);
    t.match(file, { text: '<script>alert(1)</script>', headers: { 'content-type': 'application/octet-stream' } });
    t.match(file.headers['content-disposition'], /^attachment; filename="<img src=x onerror=alert\(1\)>__"$/);

    t.equal((await operator.ask(`/api/file?path=/${shown}`, { method: 'DELETE' })).status, 403, 'without the key');
    t.equal((await operator.login()).status, 200);
    const forged = { method: 'DELETE', headers: { origin: 'http://evil.example' } };
    t.equal((await operator.ask(`/api/file?path=/${shown}`, forged)).status, 403);
    const noToken = { method: 'DELETE', headers: { 'x-magma-token': '' } };
    t.equal((await operator.ask(`/api/file?path=/${shown}`, noToken)).status, 403);
    await nfs.ok('GETATTR', handle!);

    const large = Buffer.alloc(300_000, 'magma ');
    t.equal((await operator.ask('/api/directory?path=/d', { method: 'POST' })).status, 201);
    t.equal((await operator.ask('/api/file?path=/d/up', { method: 'PUT', body: large })).status, 201);
    const { handle: d } = await nfs.ok('LOOKUP', root, 'd');
    const { handle: up, attributes } = await nfs.ok('LOOKUP', d!, 'up');
    t.equal(attributes!.size, large.length);
    t.ok((await nfs.ok('READ', up!, 8192, 8192)).data!.equals(large.subarray(8192, 16384)));
    const part = await operator.ask('/api/file?path=/d/up', { headers: { range: 'bytes=299999-' } });
    t.match(part, { status: 206, text: large.toString().at(-1)! });

    const headers = { cookie: operator.cookie, 'x-magma-token': operator.token, 'content-length': '1000000' };
    const half = open(port, '/api/file?path=/d/half', { method: 'PUT', headers });
    half.on('error', () => {});
    half.write(large);
    const names = async () => (await operator.ask('/api/list?path=/d')).json<Listing>().entries.map(({ name }) => name);
    while ((await names()).length < 2) t.notOk((await names()).includes('half'));
    half.destroy();
    while ((await names()).length > 1) t.notOk((await names()).includes('half'));
    t.strictSame(await names(), ['up'], 'what broke off is gone');

    const host = `Host: 127.0.0.1:${port}`;
    for (const path of [
      ...[
        '/../../etc/passwd',
        '/%2e%2e/%2e%2e/etc/passwd',
        '/..%2f..%2fetc/passwd',
        '//etc/passwd',
        '/page/main.ts',
        '/.ts',
      ],
      ...['/main.ts%00.html', '/\\..\\..\\etc\\passwd'],
    ])
      t.equal(await rawStatus(port, `GET ${path} HTTP/1.1\r\n${host}`), 404, path);
    for (const path of [
      '/../etc',
      '/d/../up',
      '/d/%2e%2e/up',
      '/d%2fup',
      '/d/up%00',
      '/d//up',
      '/%zz',
      'd',
      '/d/\xff',
      '',
    ])
      t.equal(await rawStatus(port, `GET /api/file?path=${path} HTTP/1.1\r\n${host}`), 400, path);
    t.equal(await rawStatus(port, 'GET /api/state HTTP/1.1\r\nHost: evil.example'), 421, 'DNS rebinding');
    t.equal(await rawStatus(port, 'GET /api/state HTTP/1.1'), 400, 'no host at all');
    t.equal(await rawStatus(port, `GET http://evil.example/api/state HTTP/1.1\r\n${host}`), 404);
    t.equal(await rawStatus(port, `GET / HTTP/1.1\r\n${host}\r\nX: ${'x'.repeat(20_000)}`), 431);
    t.match(await ask(port, '/readyz'), { status: 200, text: 'ready\n' });
    t.match((await ask(port, '/api/state')).json<State>(), {
      volcanos: [{ nickname: 'wallace', self: true, slices: 256, problem: null }],
      clients: [{ client: '127.0.0.1', sick: false, volcano: 'wallace' }],
    });
    volcano.assertAlive();
    t.equal(await volcano.stop(), 0);
    t.notMatch(volcano.log, KEY);
  },
);

t.test("Prometheus's own checker accepts /metrics", { timeout: TEST_TIMEOUT, skip: unmet(PROMTOOL) }, async (t) => {
  const port = await freePort();
  const volcano = await Volcano.start(t, { directory: scratch(t), webPort: port });
  const { nfs, root } = await client(t, { volcano });
  for (let calls = 0; calls < 10; calls++) await nfs.ok('GETATTR', root);
  await ask(port, '/metrics');
  const { text } = await ask(port, '/metrics');
  t.match(text, /^magma_calls_total\{program="nfs",version="2",procedure="GETATTR"\} 10$/m);
  t.match(text, /^magma_call_duration_seconds_count\{program="nfs",version="2",procedure="GETATTR"\} 10$/m);
  t.match(text, /^magma_client_calls_total\{client="127\.0\.0\.1"\} \d+$/m);
  const { status, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: text, timeoutMs: 30_000 });
  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  const dashboard = JSON.parse(readFileSync(new URL('../docs/grafana-dashboard.json', import.meta.url), 'utf8'));
  const told = new Set(text.match(/^magma_[a-z0-9_]+/gm));
  const asked = new Set(JSON.stringify(dashboard).match(/magma_[a-z0-9_]+/g));
  t.ok(asked.size > 15);
  for (const metric of asked) t.ok(told.has(metric), `the dashboard's ${metric} is there`);
});

t.test(
  'elsewhere: TLS by a certificate that stays, and nothing without the key; a wrong certificate ends the start',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const port = await freePort();
    const directory = scratch(t);
    const flags = [...ANY_PORTS, '--web-listen', '0.0.0.0'];
    const volcano = await Volcano.start(t, { directory, nickname: 'wallace', webPort: port, key: KEY, flags });
    const tls = { secure: true } as object;
    const fingerprint = async (): Promise<string> => {
      const request = open(port, '/', {}, tls).end();
      const [response] = await once(request, 'response');
      const certificate = (response.socket as TLSSocket).getPeerX509Certificate() as X509Certificate;
      response.destroy();
      return certificate.fingerprint256;
    };
    const first = await fingerprint();
    t.ok(volcano.log.includes(first), 'the log says by what it is known');
    t.equal(statSync(join(directory, 'web.pem')).mode & 0o777, 0o600);
    await t.rejects(ask(port, '/'), 'not without TLS');
    t.equal((await ask(port, '/', {}, tls)).status, 200);
    for (const path of ['/api/state', '/api/list?path=/', '/metrics', '/readyz'])
      t.equal((await ask(port, path, {}, tls)).status, 401, path);
    t.equal((await ask(port, '/metrics', { headers: { authorization: `Bearer ${KEY}` } }, tls)).status, 200);
    const operator = new Visitor(port, tls);
    t.equal((await operator.login('wrong')).status, 403);
    t.equal((await operator.login()).status, 200);
    t.equal((await operator.ask('/api/state')).status, 200);
    t.equal(await volcano.stop(), 0);
    await volcano.start([]);
    t.equal(await fingerprint(), first, 'the same after a restart');
    t.equal((await operator.ask('/api/state')).status, 401, 'sessions end with the volcano');
    t.equal(await volcano.stop(), 0);
    const wrong = await run(
      join(import.meta.dirname, '../bin/magmad'),
      [
        ...['-d', directory, '--portmap', 'off', '--nfs-port', '0', '--mount-port', '0', '--console', 'off', ...flags],
        ...['--web-port', `${port}`, '--web-cert', 'package.json', '--web-cert-key', 'package.json'],
      ],
      { env: { MAGMA_KEY: KEY }, timeoutMs: 30_000 },
    );
    t.not(wrong.status, 0);
    t.match(wrong.stdout + wrong.stderr, /--web-cert: .*package\.json.* are no certificate in PEM and its key/);
  },
);

t.test(
  'a ring of which one volcano hangs, and then is dead: the page answers soon, and says who does not',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const webPort = await freePort();
    const more = ['--failover', '2'];
    const first = await startVolcano(t, directory, { nickname: 'wallace', more, webPort });
    const second = await startVolcano(t, directory, { nickname: 'gromit', more }, first);
    await whole(t, at(first), 2);
    const look = async (): Promise<State> => {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      return (await ask(webPort, '/api/state')).json<State>();
    };
    let state = await look();
    while (state.volcanos[1]!.problem !== null) state = await look();
    t.match(state, { copies: 2, singleCopies: 0, volcanos: [{ nickname: 'wallace' }, { nickname: 'gromit' }] });
    const operator = new Visitor(webPort);
    await operator.login();
    for (let at = 0; at < 8; at++)
      t.equal((await operator.ask(`/api/file?path=/f${at}`, { method: 'PUT', body: `file ${at}` })).status, 201);

    const ready = async (): Promise<number> => (await ask(webPort, '/readyz')).status;
    t.equal(await ready(), 200);
    second.volcano.pause();
    while (state.volcanos[1]!.problem === null) state = await look();
    t.match(state.volcanos, [
      { nickname: 'wallace', problem: null },
      { nickname: 'gromit', problem: /./ },
    ]);
    await second.volcano.kill();
    while (state.volcanos[0]!.slices < 256) state = await look();
    while ((await ready()) !== 200) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    for (let at = 0; at < 8; at++) t.equal((await ask(webPort, `/api/file?path=/f${at}`)).text, `file ${at}`);
    t.equal((await operator.ask('/api/file?path=/after', { method: 'PUT', body: 'x' })).status, 201);
    t.match((await ask(webPort, '/metrics')).text, /^magma_ready 1$/m);
    t.equal(await first.volcano.stop(), 0);
  },
);
