import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { fillIn, Server } from './server.ts';

t.test('commands are filled in; other braces are left alone', async (t) => {
  t.equal(fillIn('a {port} {mountport} {dir} {x} {y}', { port: '1', mountport: '2', dir: "'d'" }), "a 1 2 'd' {x} {y}");
});

t.test('a server that ends before it serves is an error that shows what it said', async (t) => {
  const log = join(t.testdir(), 'log');
  const start = { name: 'volcano', command: 'echo no such port; exit 3', core: 0, ports: [1], log };
  await t.rejects(Server.start(start), /volcano ended before it served:\n {2}no such port/);
  t.ok(existsSync(log));
});

t.test('stopping waits for what the shell started, too', async (t) => {
  const log = join(t.testdir(), 'log');
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  // Ports that are there at once, and a child that takes its time to end.
  const child =
    'process.on("SIGTERM", () => setTimeout(() => { console.log("ended"); process.exit() }, 300)); console.log("up"); setInterval(() => {}, 1000)';
  const server = await Server.start({
    name: 'x',
    command: `'${process.execPath}' -e '${child}' & wait`,
    core: 0,
    ports: [port],
    log,
  });
  while (!readFileSync(log, 'utf8').includes('up')) await pause(10);
  await server.stop();
  listening.close();
  t.match(readFileSync(log, 'utf8'), /up\nended\n/);
});
