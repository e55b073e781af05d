import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from './lib/run.ts';

const SHIPPED = fileURLToPath(new URL('../systemd/magma-reaches', import.meta.url));
const ANSWERS = fileURLToPath(new URL('../systemd/magma-answers', import.meta.url));

t.test(
  'magma-reaches: another volcano that answers is enough; else NFS must answer here, and only then is `magma ready` asked, which is a program that takes seconds to start',
  async (t) => {
    const directory = t.testdir();
    const at = (name: string): string => join(directory, name);
    const script = (name: string, text: string): void => writeFileSync(at(name), `#!/bin/sh\n${text}`, { mode: 0o755 });
    copyFileSync(SHIPPED, at('magma-reaches'));
    // It is read by the shell that runs magma-reaches.
    script('magma-answers', `for place; do [ -e '${directory}/up-'"$place" ] && return 0; done; return 1\n`);
    script('magma', `: >'${at('asked')}'; [ -e '${at('ready')}' ]\n`);
    const env = { ...process.env, RUNTIME_DIRECTORY: directory };
    const succeeds = async (...unless: string[]) =>
      (await run(at('magma-reaches'), [...unless, '1.2.3.4', '1.2.3.5'], { env })).status === 0;
    const rows: readonly [readonly string[], boolean, boolean][] = [
      [[], false, false],
      [['ready'], false, false],
      [['up-127.0.0.1'], false, true],
      [['up-127.0.0.1', 'ready'], true, true],
      [['up-1.2.3.5'], true, false],
    ];
    for (const [there, reaches, asked] of rows) {
      for (const name of there) writeFileSync(at(name), '');
      t.equal(await succeeds(), reaches, `with ${there.join(' and ') || 'nothing'}`);
      t.equal(existsSync(at('asked')), asked);
      for (const name of [...there, 'asked']) rmSync(at(name), { force: true });
    }
    writeFileSync(at('up-127.0.0.1'), '');
    t.equal(await succeeds(), true, 'what it has said holds for a while');
    t.notOk(existsSync(at('asked')), 'and is not asked again then');
    rmSync(at('up-127.0.0.1'));
    t.equal(await succeeds(), false, 'but not where NFS does not answer');
    for (const [address, has] of [
      ['127.0.0.1', true],
      ['27.0.0.1', false],
      ['127.0.0.0', false],
      ['127.0.0.11', false],
    ] as const)
      t.equal(await succeeds('--unless', address), has, `who ${has ? 'has' : 'has not'} the address ${address}`);
  },
);

t.test('magma-answers: NFS version 2 answers a call of procedure NULL, or it is away, or says nothing', async (t) => {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const words = [silent, server].map((socket) => `127.0.0.1/${socket.address().port}`);
  let call: Buffer | undefined;
  server.once('message', (message) => {
    call = message;
  });
  t.not((await run(ANSWERS, words)).status, 0, 'silence');
  t.equal(call?.toString('hex', 4), `0000000000000002000186a30000000200000000${'00'.repeat(16)}`);
  server.once('message', (message, { port }) => {
    server.send(Buffer.concat([message.subarray(0, 4), Buffer.from([0, 0, 0, 1]), Buffer.alloc(16)]), port);
  });
  t.equal((await run(ANSWERS, words)).status, 0, 'an answer');
  silent.close();
  server.close();
  await once(server, 'close');
  t.not((await run(ANSWERS, words)).status, 0, 'nobody there');
});
