import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
