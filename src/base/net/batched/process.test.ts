import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import t from 'tap';
import { UDP_VARIABLE } from '../../system-net.ts';
import { batchedHost } from './host.ts';

const found = batchedHost();
const skip = found instanceof Error ? found.message : false;
const module = new URL('../../system-net.ts', import.meta.url).href;

/** Runs a script in a process of its own, with `net` and `said`, the lines that it logged. */
function run(script: string, environment: Record<string, string> = {}, flags: string[] = []): SpawnSyncReturns<string> {
  const prelude = `
    import { createSystemNet } from ${JSON.stringify(module)};
    const said = [];
    const note = (fields, message) => said.push(message + (fields.because ? ': ' + fields.because : ''));
    const logger = { debug: note, info() {}, warn: note, error: note, fatal: note, child: () => logger };
    const net = createSystemNet({ logger });
  `;
  const env = { ...process.env, [UDP_VARIABLE]: '', ...environment };
  const args = [...flags, '--no-warnings', '--input-type=module', '-e', prelude + script];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000, env });
}

t.test('an open socket keeps the process, a closed one lets it go', { skip }, async (t) => {
  const { status, stdout } = run(`
    const socket = await net.bindDatagram([], 0);
    process.on('beforeExit', () => console.log('nothing left'));
    socket.onMessage(async (data) => {
      console.log(String(data));
      await socket.close();
      console.log('closed');
    });
    socket.send(Buffer.from('heard'), { address: '127.0.0.1', port: socket.local[0].port });
  `);
  t.equal(stdout, 'heard\nclosed\nnothing left\n');
  t.equal(status, 0);
});

t.test('process.exit works with open sockets, also from a handler', { skip }, async (t) => {
  const { status, signal } = run(`
    const socket = await net.bindDatagram([], 0);
    socket.onMessage(() => process.exit(7));
    socket.send(Buffer.from('x'), { address: '127.0.0.1', port: socket.local[0].port });
  `);
  t.same([status, signal], [7, null]);
});

t.test('an error that a handler throws is uncaught, and the datagrams behind it are handled', { skip }, async (t) => {
  const { status, stdout } = run(`
    const socket = await net.bindDatagram(['127.0.0.1'], 0);
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    socket.onMessage((data) => {
      if (String(data) === '1') throw new Error('one');
      console.log(String(data));
      if (String(data) === '3') setImmediate(() => socket.close());
    });
    for (const n of [0, 1, 2, 3]) socket.send(Buffer.from(String(n)), socket.local[0]);
  `);
  t.equal(stdout, '0\n2\n3\nuncaught one\n');
  t.equal(status, 0);
  t.not(
    run(
      "const socket = await net.bindDatagram(['127.0.0.1'], 0); socket.onMessage(() => { throw new Error('fatal'); }); socket.send(Buffer.from('x'), socket.local[0]);",
    ).status,
    0,
  );
});

t.test('memory that C holds addresses of survives the collector', { skip }, async (t) => {
  const script = `
    const server = await net.bindDatagram([], 0);
    const to = { address: '127.0.0.2', port: server.local[0].port };
    server.onMessage((data, from, own) => server.send(Buffer.from(data), from, own));
    for (let n = 0; n < 60; n++) {
      const client = await net.bindDatagram(['127.0.0.1'], 0);
      const text = String(n).repeat(1000);
      const answer = new Promise((resolve) => client.onMessage((data, from) => resolve(from.address + String(data))));
      client.send(Buffer.from(text), to);
      gc();
      new Array(100).fill(0).map(() => new Uint8Array(10_000).fill(255));
      if ((await answer) !== '127.0.0.2' + text) throw new Error('damaged');
      client.close();
      gc();
    }
    await server.close();
    console.log('whole');
  `;
  const { stdout, stderr, status } = run(script, {}, ['--expose-gc']);
  t.same([stdout, stderr, status], ['whole\n', '', 0]);
});

t.test(
  `what is used is told at debug, once; ${UDP_VARIABLE}=dgram and other threads use node:dgram`,
  { skip },
  async (t) => {
    const tell = `
    for (let n = 0; n < 2; n++) await (await net.bindDatagram(['127.0.0.1'], 0)).close();
    console.log(said.filter((one) => one !== 'UDP receive buffer').join('; '));
  `;
    t.equal(run(tell).stdout, 'UDP in batches\n');
    t.equal(run(tell, { [UDP_VARIABLE]: 'dgram' }).stdout, `UDP through node:dgram: ${UDP_VARIABLE} says so\n`);
    t.match(
      run(tell, { [UDP_VARIABLE]: 'some' }).stderr,
      /MAGMA_UDP in the environment is "some": say "dgram" or "batched"/,
    );
    const threaded = run(`
    import { Worker, isMainThread } from 'node:worker_threads';
    const code = "import(" + JSON.stringify(${JSON.stringify(module)}) + ").then(async ({ createSystemNet }) => {" +
      "const debug = (fields, message) => console.log(message + ': ' + fields.because);" +
      "const logger = { debug, info() {}, warn() {} };" +
      "await (await createSystemNet({ logger }).bindDatagram(['127.0.0.1'], 0)).close(); });";
    new Worker(code, { eval: true });
  `);
    t.match(threaded.stdout, /^UDP through node:dgram: only the main thread/);
  },
);
