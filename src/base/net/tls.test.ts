import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectPlain, createServer as createPlain, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createServer } from 'node:tls';
import t, { type Test } from 'tap';
import type { Stream } from '../net.ts';
import {
  HandshakeError,
  IDENTITY_BYTES_MAX,
  type SecureNet,
  type SecureOptions,
  type SecureStream,
} from '../secure-net.ts';
import { systemNet } from '../system-net.ts';
import { portOf } from '../testing/datagrams.ts';
import { streamContract } from '../testing/stream-contract.ts';
import { hostAddresses } from './address.ts';
import { createTlsNet } from './tls.ts';

const hasIPv6 = hostAddresses().includes('::1');
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const KEY = Buffer.alloc(32, 7);
const OTHER_KEY = Buffer.alloc(32, 8);
const ME = { identity: 'magma/1/volcano/00', key: KEY };
const TLS13 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

function keyOf(identity: string): Buffer | null {
  return identity === ME.identity || identity === 'another' ? KEY : null;
}

const net = createTlsNet(systemNet, { keyOf, self: ME });

streamContract({
  name: 'TLS',
  near: net,
  far: net,
  address: '127.0.0.1',
  ...(hasIPv6 ? { address6: '::1' } : {}),
});

/** Connections whose memory is lent; what comes is copied at once, so that all else must be as with others. */
const lent: SecureNet = {
  ...net,
  async connect(to, options) {
    const stream = await net.connect(to, { ...options, lent: true });
    const onData = stream.onData.bind(stream);
    stream.onData = (handler) => onData((data) => handler(Buffer.from(data)));
    return stream;
  },
};

streamContract({ name: 'TLS with lent memory', near: lent, far: net, address: '127.0.0.1' });

/** A listener with such options, that remembers whom it let in and whom not. */
async function listen(t: Test, options: Partial<SecureOptions> = {}) {
  const refused: string[] = [];
  const streams: SecureStream[] = [];
  const waiting: ((cause: string) => void)[] = [];
  const own = createTlsNet(systemNet, {
    keyOf,
    refused(_, cause) {
      const next = waiting.shift();
      if (next === undefined) refused.push(cause);
      else next(cause);
    },
    ...options,
  });
  const listener = await own.listen([], 0);
  listener.onConnection((stream) => {
    streams.push(stream);
    stream.onData((data) => stream.write(Buffer.concat([Buffer.from(`${stream.identity}: `), data])));
  });
  t.teardown(() => {
    for (const stream of streams) stream.destroy();
    return listener.close();
  });
  return {
    port: portOf(listener),
    streams,
    /** The next cause of a refusal. */
    nextRefusal: async () => refused.shift() ?? new Promise<string>((resolve) => waiting.push(resolve)),
  };
}

function answer(stream: Stream, memories = new Set<ArrayBufferLike>()): Promise<string> {
  return new Promise((resolve) =>
    stream.onData((data) => {
      memories.add(data.buffer);
      resolve(data.toString());
    }),
  );
}

t.test('the stream tells whose key the peer knows, over IPv4 and IPv6', async (t) => {
  const { port } = await listen(t);
  for (const address of hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
    for (const identity of [ME.identity, 'another']) {
      const client = await createTlsNet(systemNet, { keyOf, self: { identity, key: KEY } }).connect({ address, port });
      t.equal(client.identity, identity);
      client.write(Buffer.from('hello'));
      t.equal(await answer(client), `${identity}: hello`);
      client.destroy();
    }
  }
});

t.test('where memory is lent, all that comes lies in the same', async (t) => {
  const { port } = await listen(t);
  const stream = await net.connect({ address: '127.0.0.1', port }, { lent: true });
  t.teardown(() => stream.destroy());
  const memories = new Set<ArrayBufferLike>();
  for (const text of ['wallace', 'gromit']) {
    const came = answer(stream, memories);
    stream.write(Buffer.from(text));
    t.equal(await came, `${ME.identity}: ${text}`);
  }
  t.equal(memories.size, 1);
});

t.test('a wrong key and an unknown identity are refused, and both sides are told', async (t) => {
  const { port, streams, nextRefusal } = await listen(t);
  const to = { address: '127.0.0.1', port };
  for (const self of [
    { ...ME, key: OTHER_KEY },
    { identity: 'nobody', key: KEY },
  ]) {
    await t.rejects(createTlsNet(systemNet, { keyOf, self }).connect(to), HandshakeError);
    t.match(await nextRefusal(), /BINDER|SIGNATURE/);
  }
  t.equal(streams.length, 0);
});

/** Resolves when the socket is gone, however that came about. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

/** All that a raw TLS client gets. */
async function raw(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  let got = '';
  socket.on('data', (data) => {
    got += data;
  });
  socket.on('secureConnect', () => socket.write('hello'));
  await closed(socket);
  return got;
}

t.test('RFC 8446 only, with the one cipher: TLS 1.2, another cipher, no key, no TLS get no answer', async (t) => {
  const { port, streams, nextRefusal } = await listen(t);
  const pskCallback = () => ({ identity: ME.identity, psk: KEY });
  t.equal(await raw(port, { pskCallback, maxVersion: 'TLSv1.2', ciphers: 'PSK-AES128-GCM-SHA256' }), '');
  t.match(await nextRefusal(), /UNSUPPORTED_PROTOCOL/);
  t.equal(await raw(port, { ...TLS13, pskCallback, ciphers: 'TLS_AES_256_GCM_SHA384' }), '');
  t.match(await nextRefusal(), /./);
  t.equal(await raw(port, TLS13), '');
  t.match(await nextRefusal(), /./);
  const plain = connectPlain(port, '127.0.0.1');
  let bytes = 0;
  plain.on('data', (data) => {
    // An alert record of TLS (RFC 8446 §5.1) is all that may come.
    if (data[0] !== 21) bytes += data.length;
  });
  plain.write('GET / HTTP/1.0\r\n\r\n');
  await closed(plain);
  t.equal(bytes, 0);
  t.match(await nextRefusal(), /./);
  t.equal(streams.length, 0);
});

t.test('nothing is resumed: a ticket opens nothing when the key is not given out any more', async (t) => {
  const known = new Set([ME.identity]);
  const { port, streams, nextRefusal } = await listen(t, { keyOf: (identity) => (known.has(identity) ? KEY : null) });
  const pskCallback = () => ({ identity: ME.identity, psk: KEY });
  const first = connect({ host: '127.0.0.1', port, ...TLS13, pskCallback, checkServerIdentity: () => undefined });
  const sessions: Buffer[] = [];
  first.on('session', (session) => sessions.push(session));
  await once(first, 'secureConnect');
  first.write('hello');
  await once(first, 'data');
  first.destroy();
  t.ok(sessions.length > 0, 'OpenSSL sends tickets all the same');
  t.equal(streams.length, 1);
  known.clear();
  for (const session of sessions) {
    t.equal(await raw(port, { ...TLS13, session }), '');
    t.match(await nextRefusal(), /SIGNATURE/, 'the ticket means nothing to the server');
  }
  t.equal(streams.length, 1);
});

t.test('a handshake has its time, and nobody holds more than their share of unfinished ones', async (t) => {
  const { port, nextRefusal, streams } = await listen(t, { handshakeMs: 200, handshakesPerAddress: 2 });
  const idle = [connectPlain(port, '127.0.0.1'), connectPlain(port, '127.0.0.1')];
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  const third = connectPlain(port, '127.0.0.1');
  await closed(third);
  t.match(await nextRefusal(), /too many unfinished/);
  if (hasIPv6) {
    const other = await net.connect({ address: '::1', port });
    other.write(Buffer.from('x'));
    t.match(await answer(other), /: x/, 'another address has a share of its own');
  }
  await Promise.all(idle.map(closed));
  t.match(await nextRefusal(), /TIMEOUT/);
  t.match(await nextRefusal(), /TIMEOUT/);
  for (let n = 0; n < 5; n++) {
    const stream = await net.connect({ address: '127.0.0.1', port });
    stream.write(Buffer.from('x'));
    t.match(await answer(stream), /: x/, 'finished handshakes do not count');
  }
  t.equal(streams.length, hasIPv6 ? 6 : 5);
  const small = await listen(t, { handshakes: 1 });
  const one = connectPlain(small.port, '127.0.0.1');
  await once(one, 'connect');
  await t.rejects(net.connect({ address: hasIPv6 ? '::1' : '127.0.0.1', port: small.port }), HandshakeError);
  one.destroy();
});

t.test('a client takes no peer without the key: no certificate, no plain server, no silence', async (t) => {
  const serving = async (server: Server) => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    return { address: '127.0.0.1', port: (server.address() as { port: number }).port };
  };
  const echo = await serving(createPlain((socket) => socket.on('error', () => {}).pipe(socket)));
  await t.rejects(net.connect(echo), HandshakeError);
  const silent = await serving(createPlain((socket) => void socket.on('error', () => {}).resume()));
  await t.rejects(net.connect(silent, { timeoutMs: 50 }), {
    name: 'HandshakeError',
    message: /no answer within 50 ms/,
  });
  const rotated = await listen(t, { keyOf: () => OTHER_KEY });
  await t.rejects(net.connect({ address: '127.0.0.1', port: rotated.port }), HandshakeError);
  await t.rejects(createTlsNet(systemNet, { keyOf }).connect(echo), /no identity was given/);
  t.throws(() => createTlsNet(systemNet, { keyOf, self: { identity: 'x'.repeat(IDENTITY_BYTES_MAX + 1), key: KEY } }));
  if (!hasOpenssl) return;
  const directory = t.testdir();
  const ask =
    '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x -keyout k.pem -out c.pem';
  t.equal(spawnSync('openssl', ['req', ...ask.split(' ')], { cwd: directory }).status, 0);
  const cert = readFileSync(`${directory}/c.pem`);
  const server = createServer({ key: readFileSync(`${directory}/k.pem`), cert });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  await t.rejects(net.connect(await serving(server)), HandshakeError);
});

t.test(
  'openssl s_client comes in with the key, and without it does not',
  { skip: !hasOpenssl && 'no openssl' },
  async (t) => {
    const { port } = await listen(t);
    const run = async (key: Buffer): Promise<string> => {
      const args = `s_client -connect 127.0.0.1:${port} -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256`.split(' ');
      const child = spawn('openssl', [...args, '-psk_identity', ME.identity, '-psk', key.toString('hex')]);
      let out = '';
      child.stdout.on('data', (data) => {
        out += data;
        if (out.includes(': hello')) child.stdin.end();
      });
      child.stdin.on('error', () => {});
      child.stdin.write('hello\n');
      await once(child, 'close');
      return out;
    };
    const said = await run(KEY);
    t.match(said, /Reused, TLSv1\.3, Cipher is TLS_AES_128_GCM_SHA256/);
    t.match(said, /no peer certificate available/);
    t.match(said, `${ME.identity}: hello`);
    t.notMatch(await run(OTHER_KEY), ': hello');
  },
);
