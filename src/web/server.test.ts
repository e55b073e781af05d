import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { WRONG_MAX, WRONG_MS } from '../operator/guesses.ts';
import { BODY_MAX, BODY_MS } from './body.ts';
import { makeCertificate } from './certificate.ts';
import { ADDRESS_CONNECTIONS_MAX, CONNECTIONS_MAX, Connections, REMOTE_CONNECTIONS_MAX } from './connections.ts';
import { LISTENERS_MAX } from './events.ts';
import { HEAD_BYTES_MAX } from './server.ts';
import { SESSION_MS, SESSIONS_MAX, Sessions } from './sessions.ts';
import { ask, KEY, open, partsOf, Visitor, world } from './testing/world.ts';

/** Resolves with all that came when the other side has ended the connection. */
async function ended(socket: Socket): Promise<string> {
  let shown = '';
  socket.on('data', (data: Buffer) => {
    shown += data.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return shown;
}

function raw(t: Test, port: number, text = ''): Socket {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(text);
  return socket;
}

t.test('each answer tells browsers to run and show nothing but the page itself, nowhere else', async (t) => {
  const { port } = await world(t);
  for (const path of ['/', '/api/session', '/api/state', '/none', '/api/file?path=/none', '/metrics']) {
    const { headers } = await ask(port, path);
    t.match(headers['content-security-policy'], /default-src 'self'/, path);
    t.match(headers['content-security-policy'], /frame-ancestors 'none'/, path);
    t.notMatch(headers['content-security-policy'], /unsafe/, path);
    t.match(headers, {
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
  }
});

t.test('files of the page: from memory, with an ETag; what is no file of it is none', async (t) => {
  const { port } = await world(t);
  const { headers, text } = await ask(port, '/');
  t.equal(text, '<!doctype html>');
  t.equal((await ask(port, '/', { headers: { 'if-none-match': headers.etag! } })).status, 304);
  for (const path of ['/../package.json', '/%2e%2e/package.json', '/constructor', '/index.html/..', '/..%2fserver.ts'])
    t.equal((await ask(port, path)).status, 404, path);
  t.equal((await ask(port, '/', { method: 'POST' })).status, 405);
  t.match(await ask(port, '/api/state', { method: 'PATCH' }), { status: 405, headers: { allow: 'GET' } });
});

t.test('DNS rebinding: on loopback the page goes by its own names only', async (t) => {
  const { port } = await world(t);
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '127.0.0.1:8080', '[::1]:9', 'LOCALHOST'])
    t.equal((await ask(port, '/api/session', { headers: { host } })).status, 200, host);
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.1.20',
    ':80',
    '[::2]',
  ])
    for (const path of ['/', '/api/session', '/metrics'])
      t.equal((await ask(port, path, { headers: { host } })).status, 421, host + path);
});

t.test('another page cannot look, and cannot change anything: token, Origin, Fetch Metadata', async (t) => {
  const { port } = await world(t);
  const operator = new Visitor(port);
  await operator.login();
  const made = { method: 'POST' };
  const directory = '/api/directory?path=/a';
  for (const site of ['cross-site', 'same-site'])
    for (const path of ['/api/state', '/api/file?path=/x', '/api/events', '/metrics'])
      t.equal((await operator.ask(path, { headers: { 'sec-fetch-site': site } })).status, 403, path);
  t.equal(
    (await ask(port, '/', { headers: { 'sec-fetch-site': 'cross-site' } })).status,
    200,
    'a link to the page works',
  );
  const forged = [
    { 'x-magma-token': '' },
    { 'x-magma-token': `${operator.token}x` },
    { 'x-magma-token': (await new Visitor(port).look()).token },
    { origin: 'http://evil.example' },
    { origin: `https://127.0.0.1:${port}` },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of forged)
    t.equal((await operator.ask(directory, { ...made, headers })).status, 403, JSON.stringify(headers));
  const login = { method: 'POST', body: JSON.stringify({ key: KEY }) };
  t.equal((await ask(port, '/api/login', login)).status, 403, 'nor can it log somebody in');
  t.equal((await operator.ask('/api/logout', { method: 'POST', headers: { 'x-magma-token': '' } })).status, 403);
  const headers = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' };
  t.equal((await operator.ask(directory, { ...made, headers })).status, 201);
});

t.test('the key lets in, for a while, by a cookie that no script reads; wrong ones are counted', async (t) => {
  const { port, clock } = await world(t);
  const operator = new Visitor(port);
  t.match(await operator.look(), { may: 'look', key: true, nickname: 'wallace' });
  t.equal((await operator.ask('/api/directory?path=/a', { method: 'POST' })).status, 403);
  t.match((await operator.login('wrong')).json(), { error: 'That is not the key.' });
  const { headers } = await operator.login();
  t.match(
    headers['set-cookie']![0],
    new RegExp(`^magma-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200$`),
  );
  t.match(await operator.look(), { may: 'change' });
  t.equal((await operator.ask('/api/directory?path=/a', { method: 'POST' })).status, 201);
  const other = new Visitor(port);
  other.cookie = operator.cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  t.match(await other.look(), { may: 'look' });
  clock.advance(SESSION_MS);
  t.match(await operator.look(), { may: 'look' }, 'it ends by itself');
  await operator.login();
  const { cookie } = operator;
  await operator.ask('/api/logout', { method: 'POST' });
  operator.cookie = cookie;
  t.match(await operator.look(), { may: 'look' }, 'and when one says so');
  for (let tries = 0; tries < WRONG_MAX; tries++) await other.login('wrong');
  t.equal((await other.login()).status, 429, 'also the right key is not looked at');
  clock.advance(WRONG_MS);
  t.equal((await other.login()).status, 200);
  const body = { method: 'POST', body: 'x'.repeat(BODY_MAX + 1) };
  t.equal((await other.ask('/api/login', body)).status, 413);
  for (const wrong of ['', '[]', '{"key":1}', 'null', '{'])
    t.equal((await other.ask('/api/login', { method: 'POST', body: wrong })).status, 400);
});

t.test('without a key nothing can be changed', async (t) => {
  const { port } = await world(t, { key: null });
  const visitor = new Visitor(port);
  t.match(await visitor.look(), { may: 'look', key: false });
  t.match((await visitor.login('')).json(), { error: /no key.*Cure: --key-file/ });
});

t.test('elsewhere: TLS, and nothing without the key but the page and its login; programs bring the key', async (t) => {
  const certificate = await makeCertificate('wallace', ['localhost'], ['127.0.0.1'], Date.now());
  const { web, clock } = await world(t, {}, { certificate });
  await web.close();
  const port = await web.listen(['0.0.0.0'], 0);
  const tls = { secure: true } as object;
  t.equal((await ask(port, '/', {}, tls)).status, 200);
  t.match((await ask(port, '/api/session', {}, tls)).json(), { may: 'login', key: true });
  for (const path of [
    '/api/state',
    '/api/events',
    '/api/list?path=/',
    '/api/file?path=/x',
    '/metrics',
    '/healthz',
    '/readyz',
  ])
    t.equal((await ask(port, path, {}, tls)).status, 401, path);
  t.match((await ask(port, '/metrics', {}, tls)).headers, { 'www-authenticate': /^Basic/ });
  t.equal((await ask(port, '/api/state', {}, tls)).headers['www-authenticate'], undefined);
  await t.rejects(ask(port, '/'), 'plain HTTP is not answered');
  const basic = (password: string) => `Basic ${Buffer.from(`prometheus:${password}`).toString('base64')}`;
  for (const authorization of [`Bearer ${KEY}`, basic(KEY)]) {
    t.equal((await ask(port, '/metrics', { headers: { authorization } }, tls)).status, 200);
    t.equal((await ask(port, '/api/state', { headers: { authorization } }, tls)).status, 401, 'for programs only');
  }
  t.equal((await ask(port, '/metrics', { headers: { authorization: basic('wrong') } }, tls)).status, 403);
  const operator = new Visitor(port, tls);
  const { headers } = await operator.login();
  t.match(headers['set-cookie']![0], /^__Host-magma-\d+=.*; HttpOnly; SameSite=Strict; .*; Secure$/);
  t.equal((await operator.ask('/api/state')).status, 200);
  const reply = open(port, '/api/events', { headers: { cookie: operator.cookie } }, tls).end();
  const [events] = await once(reply, 'response');
  events.resume();
  clock.advance(SESSION_MS);
  await once(events, 'end');
  t.pass('who listens is cut off when his session ends');
  for (let tries = 0; tries < WRONG_MAX; tries++)
    await ask(port, '/metrics', { headers: { authorization: 'Bearer wrong' } }, tls);
  t.equal((await ask(port, '/metrics', { headers: { authorization: `Bearer ${KEY}` } }, tls)).status, 429);
});

t.test('heads that are too large, or never end, and readers that do not read are cut off', async (t) => {
  const times = { headMs: 50, stillMs: 200, keptMs: 100, dropMs: 50 };
  const { port, tree, web } = await world(t, {}, { times });
  t.equal((await ask(port, `/${'a'.repeat(HEAD_BYTES_MAX)}`)).status, 431);
  const patient = await world(t, {}, { times: { headMs: 50 } });
  const trickle = raw(t, patient.port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: ');
  const more = setInterval(() => trickle.write('x'), 5);
  t.match(await ended(trickle), /^HTTP\/1.1 408|^$/, 'a head that comes byte by byte');
  clearInterval(more);
  await ended(raw(t, port));
  t.pass('also one that says nothing');
  await ended(raw(t, port, 'GET /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  t.pass('and one that asks nothing more');
  const body = 'PUT /api/file?path=/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc';
  t.match(await ended(raw(t, port, body)), /^HTTP\/1.1 403/, 'the rest of what was refused is not waited for');
  const root = { uid: 0, gid: 0, gids: [] };
  const file = await tree.create(root, tree.root(), 'big', { type: 1, mode: 0o644 });
  await tree.setattr(root, file, { size: 1024 ** 3 });
  const slow = raw(t, port, 'GET /api/file?path=/big HTTP/1.1\r\nHost: localhost\r\n\r\n').pause();
  slow.on('error', () => {});
  await once(slow, 'connect');
  while (web.figures.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  t.pass('a download that is not read');
});

t.test('a small body that does not come is not waited for', async (t) => {
  const { port, clock, web } = await world(t);
  const token = (await new Visitor(port).look()).token;
  const head = `POST /api/login HTTP/1.1\r\nHost: localhost\r\nx-magma-token: ${token}\r\nContent-Length: 9\r\n\r\n{`;
  const socket = raw(t, port, head);
  const over = ended(socket);
  let turns = 0;
  over.then(() => {
    turns = Number.POSITIVE_INFINITY;
  });
  // When the head has been read nobody sees from outside: time goes by until the body is late.
  while (turns < Number.POSITIVE_INFINITY) {
    await new Promise((resolve) => setImmediate(resolve));
    if (web.figures.connections > 0) clock.advance(BODY_MS);
  }
  t.notMatch(await over, /200/);
});

t.test('connections: so many, fewer from other machines and from one of them', async (t) => {
  const connections = new Connections();
  let closed = 0;
  const take = (remoteAddress: string): boolean => {
    const listeners: (() => void)[] = [];
    let open = true;
    const socket = {
      remoteAddress,
      once: (_: string, listener: () => void) => listeners.push(listener),
      destroy() {
        open = false;
        closed += 1;
        for (const listener of listeners) listener();
      },
    };
    connections.take(socket as never);
    return open;
  };
  for (let at = 0; at < ADDRESS_CONNECTIONS_MAX; at++) t.ok(take('192.0.2.1'));
  t.notOk(take('192.0.2.1'));
  for (let at = ADDRESS_CONNECTIONS_MAX; at < REMOTE_CONNECTIONS_MAX; at++) t.ok(take(`192.0.2.${at}`));
  t.notOk(take('192.0.2.200'));
  for (let at = REMOTE_CONNECTIONS_MAX; at < CONNECTIONS_MAX; at++) t.ok(take('127.0.0.1'));
  t.notOk(take('127.0.0.1'));
  connections.close();
  t.strictSame([connections.size, closed], [0, CONNECTIONS_MAX + 3]);
});

t.test('sessions: the oldest gives way', async (t) => {
  const { clock, random } = partsOf();
  const sessions = new Sessions(clock, random);
  const secrets = Array.from({ length: SESSIONS_MAX + 1 }, () => sessions.begin().secret);
  t.equal(sessions.of(secrets[0]!), null);
  t.ok(sessions.of(secrets[1]!));
  t.equal(new Set(secrets).size, SESSIONS_MAX + 1);
  t.ok(secrets.every((secret) => Buffer.from(secret, 'base64url').length === 32));
});

t.test('pages that listen: so many', async (t) => {
  const { port, web } = await world(t);
  const listening = await Promise.all(
    Array.from({ length: LISTENERS_MAX }, async () => {
      const request = open(port, '/api/events').end();
      const [response] = await once(request, 'response');
      response.on('error', () => {});
      t.teardown(() => request.destroy());
      return response.resume();
    }),
  );
  t.equal(web.figures.listeners, LISTENERS_MAX);
  t.match(await ask(port, '/api/events'), { status: 503, headers: { 'retry-after': '10' } });
  t.equal((await ask(port, '/api/state')).status, 200);
  t.equal(listening.length, LISTENERS_MAX);
});
