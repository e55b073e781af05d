import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Tmux } from './lib/tmux.ts';
import { at, KEY, magma, scratch, startVolcano, whole } from './ring-real/lib/ring.ts';

/* `magma ls`, `cat`, `get`, `put`, `rm`, `mkdir`, `mv` of a real ring: in a pipe, on a terminal, and when a volcano is dead. */

const MAGMA = fileURLToPath(new URL('../bin/magma', import.meta.url));

t.test(
  'files of a ring, in a pipe, on a terminal, and with a volcano dead',
  { skip: unmet({ commands: { tmux: 'tmux' } }), timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const first = await startVolcano(t, directory, { nickname: 'wallace', more: ['--failover', '4'] });
    const second = await startVolcano(t, directory, { nickname: 'gromit', more: ['--failover', '4'] }, first);
    await whole(t, at(first), 2);
    const asked = at(first);
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'magma');
    writeFileSync(`${directory}/large`, bytes);

    await t.test('in a pipe: bytes, statuses, JSON, and no bar', async (t) => {
      t.match(await magma(['mkdir', '-p', '/a/b', ...asked]), { status: 0, stdout: '', stderr: '' });
      const put = await magma(['put', '--json', ...asked, `${directory}/large`, '/a']);
      t.match(put, { status: 0, stderr: '' });
      t.match(JSON.parse(put.stdout), { files: 1, bytes: bytes.length, failed: 0, problems: [] });
      t.match(await magma(['get', ...asked, '/a/large', `${directory}/got`]), { status: 0, stdout: '', stderr: '' });
      t.ok(readFileSync(`${directory}/got`).equals(bytes));
      const env = { MAGMA_KEY: KEY };
      const piped = await run(MAGMA, ['put', ...asked, '-', '/a/piped'], { env, input: 'from a pipe\n' });
      t.match(piped, { status: 0, stderr: '' });
      t.match(await magma(['cat', ...asked, '/a/piped', '/a/none', 'a/piped']), {
        status: 1,
        stdout: 'from a pipe\nfrom a pipe\n',
        stderr: 'magma: cat: /a/none: no such file or directory in the network\n',
      });
      const head = await run('sh', ['-c', `${MAGMA} cat ${asked.join(' ')} /a/large | head -c 5`], { env });
      t.match(head, { status: 0, stdout: 'magma', stderr: '' }, 'nothing is said when the reader has enough');
      // The name of this file is no UTF-8, here and on the command line.
      const odd = await run('sh', ['-c', `printf x | ${MAGMA} put ${asked.join(' ')} - "$(printf '/a/b/\\377\\nb')"`], {
        env,
      });
      t.match(odd, { status: 0, stderr: '' });
      t.equal((await magma(['ls', ...asked, '/a/b'])).stdout, '\xff\nb\n');
      const [line, problem] = (await magma(['ls', '--json', ...asked, '/a/b', '/none'])).stdout.split('\n');
      t.match(JSON.parse(problem!), { path: '/none', problem: 'no such file or directory in the network' });
      t.match(JSON.parse(line!), { path: '/a/b/\\xff\\x0ab', nameHex: 'ff0a62', type: 'file', size: 1, mode: '0644' });
      t.match((await magma(['ls', '-l', ...asked, '/a'])).stdout, /^-rw-r--r-- 1 0 0 16777216 .* large$/m);
      t.match(await magma(['rm', ...asked]), { status: 2, stderr: /^magma: rm: a path is needed\. Usage: magma rm / });
      t.match(await magma(['rm', ...asked, '/a']), { status: 1, stderr: /\/a: is a directory\. Cure: -r/ });
    });

    await t.test('on a terminal: a bar that goes, also of a check, odd names that do no harm, ^C', async (t) => {
      const tmux = await Tmux.open(t, { MAGMA_KEY: KEY, MAGMA_NODE_PORT: `${first.nodePort}` });
      const got = await tmux.run(`${MAGMA} get -f /a/large ${directory}/got`);
      t.equal(got.status, 0);
      t.match(got.written, /get: +\d+ % \[[#.]{20}\] [0-9.]+ \w+ of 16\.0 MiB [0-9.]+ \w+\/s/);
      t.match((await tmux.run(`${MAGMA} put -f ${directory}/large /a/b`)).written, /put: +\d+ % \[/);
      t.notMatch(tmux.screen(), /[#.]{20}\]/, 'nothing of the bar stays');
      t.match((await tmux.run(`${MAGMA} ls /a/b`)).written, /large +\\xff\\x0ab\r\n/);
      const checked = await tmux.run(`${MAGMA} check --ring`);
      t.match(checked.written, /check: +\d+ % \[[#.]{20}\] \d+ slices of 256 slices/);
      // Standard input is the terminal, and brings nothing: it is under way until it is broken off.
      const from = tmux.written.length;
      const broken = tmux.start(`${MAGMA} put - /a/unfinished`);
      await tmux.shows(/put: 0 B 0 B\/s/, from);
      while (!(await magma(['ls', ...asked, '/a'])).stdout.startsWith('.magma-put-')) t.comment('not begun yet');
      tmux.key('C-c');
      t.match(await broken, { status: 130, written: /magma: put: broken off\r\n/ });
      t.equal((await magma(['ls', ...asked, '/a'])).stdout, 'b\nlarge\npiped\n', 'nothing is left of it');
    });

    await t.test('with a volcano dead all goes on, whichever of the others is asked', async (t) => {
      await second.volcano.kill();
      t.match(await magma(['ls', ...at(second), '/a']), {
        status: 1,
        stderr: /^magma: ls: .*ECONNREFUSED.*\. Cure: .* --at\n$/s,
      });
      const again = await magma(['get', '-f', ...asked, '/a/large', `${directory}/got`]);
      t.match(again, { status: 0, stderr: '' });
      t.equal(statSync(`${directory}/got`).size, bytes.length);
      t.match(await magma(['put', '-r', ...asked, `${directory}/got`, '/a/after']), { status: 0, stderr: '' });
      const removed = await magma(['rm', '-r', '--json', ...asked, '/a']);
      t.match(JSON.parse(removed.stdout), { files: 5, directories: 2, failed: 0 });
      t.equal((await magma(['ls', ...asked])).stdout, '');
      t.same(
        readdirSync(directory).filter((name) => name.startsWith('.')),
        [],
      );
    });
  },
);
