import t from 'tap';
import { FlareType } from '../flare/types.ts';
import { WRONG_ALL_MAX, WRONG_MAX, WRONG_MS } from '../operator/guesses.ts';
import { ROOT } from '../operator/paths.ts';
import { CAT_MAX } from './commands/cat.ts';
import { REMOTE_SESSIONS_MAX, SESSIONS_MAX } from './console.ts';
import { LINE_MAX } from './line-editor.ts';
import { KEY_MS, TRIES_MAX } from './login.ts';
import { ANSWER_MS } from './session.ts';
import { IDLE_MS, INPUT_MAX, OUTPUT_MAX, SLOW_MS } from './terminal.ts';
import { agreed, type World, world } from './testing/world.ts';

const PROMPT = 'MAGMA [wallace]:/> ';

/** Resolves when the last session has ended. */
async function ended(at: World): Promise<void> {
  while (at.console.sessions > 0) await new Promise(setImmediate);
}

function file(at: World, name: string, content: string): void {
  const { tree } = at;
  const made = tree.create(ROOT, tree.root(), name, { type: FlareType.file, mode: 0o644 });
  tree.write(ROOT, made, 0, Buffer.from(content, 'latin1'));
}

t.test('a session as issue 7 has it: banner, server, prompt, commands, end', async (t) => {
  const at = world();
  at.tree.create(ROOT, at.tree.root(), 'home', { type: FlareType.directory, mode: 0o755 });
  file(at, 'motd', 'hello\n');
  const client = at.connect();
  t.match(await client.command('ls'), 'home\nmotd\n');
  t.equal(
    client.text.slice(0, client.text.indexOf('> ') + 2),
    `Welcome to MAGMA version 9.9\nThis is server wallace (192.168.1.20)\nType help for a list of commands.\n${PROMPT}`,
  );
  t.equal(await client.command('cat motd'), 'hello\n');
  t.equal(await client.command('cd home'), '');
  t.equal(await client.command('pwd'), '/home\n');
  t.ok(client.text.endsWith('MAGMA [wallace]:/home> '));
  t.equal(await client.command('cat ../motd'), 'hello\n');
  t.match(
    await client.command('ls -l ..'),
    /^drwxr-xr-x {3}2 {5}0 {5}0 .* home\n-rw-r--r-- {3}1 {5}0 {5}0 {12}6 .* motd\n$/,
  );
  t.equal(await client.command('cd ../gone'), 'cd: /gone: no such file or directory\n');
  t.equal(await client.command('fly'), 'fly: no such command. Type help for a list.\n');
  t.equal(await client.command('cat'), 'usage: cat PATH [OFFSET]\n');
  t.match(await client.command('help'), /^command .*\n(.*\n)*ls +\[-l\] \[PATH\] +a directory\n/);
  t.match(await client.command('help ls'), /^ls \[-l\] \[PATH\]\n {2}Lists a directory/);
  await client.command('quit');
  t.equal(client.ended, true);
  t.equal(at.console.sessions, 0);
});

t.test('what names and files hold is not obeyed by the terminal, and names are typed as they are shown', async (t) => {
  const at = world();
  file(at, '\x1b[2J\xff \\', '\x1b]0;you\x07\xe4\tend');
  const client = at.connect();
  t.equal(await client.command('ls'), '\\x1b[2J\\xff \\\\\n');
  t.equal(await client.command('cat \\x1b[2J\\xff\\ \\\\'), '\\x1b]0;you\\x07\\xe4\tend\n');
  t.match(await client.command('cat \x1b[1m'), 'cat: /\\x1b[1m: no such file or directory\n');
  t.match(await client.command('\x1b[1m'), '\\x1b[1m: no such command');
  t.notMatch(client.text, '\x1b');
});

t.test('a large file is shown in parts, cut nowhere in a character', async (t) => {
  const at = world();
  const content = Buffer.from('ä'.repeat(CAT_MAX / 2 + 1)).toString('latin1');
  file(at, 'large', `x${content}`);
  const client = at.connect();
  const shown = await client.command('cat large');
  t.equal(shown.slice(0, CAT_MAX), `${`x${content}`.slice(0, CAT_MAX - 1)}\\`);
  t.match(shown.slice(-60), `... ${content.length + 1 - CAT_MAX} bytes more: cat PATH ${CAT_MAX}\n`);
  t.match(await client.command(`cat large ${CAT_MAX + 1}`), `${content.slice(-2)}\n`);
});

t.test(
  'a client that does not negotiate gets plain lines: no echo, also for several at once and a last one without an end',
  async (t) => {
    const at = world();
    const client = at.connect();
    client.type('pwd\ncd nowhere\npw');
    client.type('d');
    client.typeEnd();
    await client.until(({ ended }) => ended);
    t.equal(
      client.text.slice(client.text.indexOf(PROMPT)),
      `${PROMPT}/\n${PROMPT}cd: /nowhere: no such file or directory\n${PROMPT}/\n${PROMPT}`,
    );
  },
);

t.test('a telnet client is echoed, edits, and completes commands and paths', async (t) => {
  const at = world();
  at.tree.create(ROOT, at.tree.root(), 'long name', { type: FlareType.directory, mode: 0o755 });
  file(at, 'longer', 'x');
  const client = at.connect();
  client.type(agreed());
  const asked = async (keys: string, wanted: string): Promise<void> => {
    client.type(keys);
    await client.until(({ text }) => text.endsWith(wanted));
    t.ok(client.text.endsWith(wanted), wanted);
  };
  await client.until(({ text }) => text.endsWith(PROMPT));
  await asked('pw\t', 'pwd \x1b[K');
  await asked('\r\0', `\n/\n${PROMPT}`);
  await asked('ls lo\t', `ls long\x1b[K`);
  await asked('\t', `\nlong\\ name  longer\n\r${PROMPT}ls long\x1b[K`);
  await asked('\\ \t', `${PROMPT}ls long\\ name/\x1b[K`);
  await asked('\x15\x1b[A\r\n', `pwd \x1b[K\n/\n${PROMPT}`);
  await asked('abc\x03', `abc^C\n${PROMPT}`);
  client.type('\x04');
  await client.until(({ ended }) => ended);
});

t.test(
  '^C breaks a command off that gets no answer, and it ends by itself after ANSWER_MS; the session goes on',
  async (t) => {
    const at = world();
    const never = new Promise<never>(() => {});
    const tree = Object.create(at.tree, {
      readdir: { value: () => never },
      root: { value: () => at.tree.root() },
      getattr: { value: () => at.tree.getattr(at.tree.root()) },
    });
    const other = world({ tree, clock: at.clock });
    const client = other.connect();
    await client.until(({ text }) => text.endsWith(PROMPT));
    client.type('ls\n');
    await new Promise(setImmediate);
    client.type('\xff\xf4\xff\xfd\x06');
    await client.until(({ text }) => text.endsWith(`ls: broken off\n${PROMPT}`));
    t.match(client.sent, '\xff\xfc\x06', 'the timing mark of telnet is answered');
    client.type('ls\n');
    await new Promise(setImmediate);
    at.clock.advance(ANSWER_MS);
    await client.until(({ text }) => text.endsWith(`ls: no answer within 30 s: see lava\n${PROMPT}`));
    client.type('ls\n');
    await new Promise(setImmediate);
    client.destroy();
    await new Promise(setImmediate);
    t.equal(other.console.sessions, 0, 'who goes away while a command runs leaves nothing behind');
  },
);

t.test('a session in which nothing is typed ends; one in which something is does not', async (t) => {
  const at = world();
  const client = at.connect();
  await client.until(({ text }) => text.endsWith(PROMPT));
  at.clock.advance(IDLE_MS - 1);
  client.type('p');
  at.clock.advance(IDLE_MS - 1);
  t.equal(client.ended, false);
  at.clock.advance(1);
  await client.until(({ ended }) => ended);
  t.match(client.text, /Nothing was typed for a long time: the session ends.\n$/);
});

t.test('lines are bounded, and so is what is typed ahead: then nothing is read until there is room', async (t) => {
  const at = world();
  const client = at.connect();
  client.type(`${'x'.repeat(LINE_MAX + 1)}`);
  client.type(`${'x'.repeat(INPUT_MAX)}\n`);
  await client.until(({ text }) => text.includes('bytes: this one was not looked at'));
  t.equal(await client.command('pwd').then((shown) => shown.endsWith('/\n')), true);
  const flooding = at.connect();
  const line = `pwd${' '.repeat(4000)}\n`;
  const count = Math.ceil(INPUT_MAX / line.length) + 1;
  flooding.type(line.repeat(count));
  t.equal(flooding.paused, true);
  await flooding.until(({ text }) => text.split(`${PROMPT}/\n`).length > count);
  t.equal(flooding.paused, false);
});

t.test(
  'a client that does not read has OUTPUT_MAX waiting for it and little more, and is given up after SLOW_MS',
  async (t) => {
    const at = world();
    file(at, 'large', '\x01'.repeat(CAT_MAX));
    const client = at.connect();
    await client.until(({ text }) => text.endsWith(PROMPT));
    client.stuck = true;
    client.type('cat large\n');
    await client.until(({ queued }) => queued > OUTPUT_MAX);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    t.ok(client.queued <= OUTPUT_MAX + 17 * 1024, `${client.queued} bytes`);
    client.drain();
    client.stuck = true;
    await client.until(({ queued }) => queued > OUTPUT_MAX);
    at.clock.advance(SLOW_MS);
    await client.until(({ destroyed }) => destroyed);
    await ended(at);
  },
);

t.test('sessions are bounded, and other machines leave room for the operator', async (t) => {
  const at = world({ key: 'm4gm4' });
  const far = Array.from({ length: REMOTE_SESSIONS_MAX + 1 }, () => at.connect('192.168.1.7'));
  t.match(far.at(-1)!.text, /^There are too many sessions already.\n/);
  const near = Array.from({ length: SESSIONS_MAX - REMOTE_SESSIONS_MAX + 1 }, () => at.connect());
  t.same([near.at(-2)!.ended, near.at(-1)!.ended, at.console.sessions], [false, true, SESSIONS_MAX]);
  near[0]!.destroy();
  await new Promise(setImmediate);
  t.equal(at.connect('::1').ended, false);
});

t.test(
  'who comes from another machine is asked for the key, which is not shown; without one, nobody is let in',
  async (t) => {
    t.match(world().connect('192.168.1.7').text, 'Without a key, the console is for this machine only.');
    const at = world({ key: 'm4gm4' });
    const client = at.connect('192.168.1.7');
    client.type(agreed());
    client.type('wrong\r\0');
    await client.until(({ text }) => text.includes('That is not the key.\nKey of the network: '));
    client.type('m4gm4\r\0');
    await client.until(({ text }) => text.endsWith(PROMPT));
    t.notMatch(client.text, /wrong\n|m4gm4/, 'never echoed');
    client.type('\x1b[Apwd\r\0');
    await client.until(({ text }) => text.endsWith(`/\n${PROMPT}`));
    t.ok(client.text.endsWith(`\r${PROMPT}\x1b[Kpwd\n/\n${PROMPT}`), 'nor in the history');
    const silent = at.connect('192.168.1.7');
    at.clock.advance(KEY_MS);
    await silent.until(({ ended }) => ended);
  },
);

t.test(
  'guesses are bounded: by session, by address, and all together; then the right key is of no use either, for a while',
  async (t) => {
    const at = world({ key: 'm4gm4' });
    const tried = async (address: string, key: string): Promise<string> => {
      const client = at.connect(address);
      client.type(`${key}\n`.repeat(TRIES_MAX));
      client.typeEnd();
      await client.until(({ ended }) => ended);
      return client.text;
    };
    for (let tries = 0; tries < WRONG_MAX; tries += TRIES_MAX)
      t.equal((await tried('10.0.0.1', 'guess')).split('That is not the key.').length - 1, TRIES_MAX);
    t.match(await tried('10.0.0.1', 'm4gm4'), /^Too many wrong keys/);
    t.match(await tried('10.0.0.2', 'm4gm4'), 'Welcome');
    for (let tries = WRONG_MAX, host = 3; tries < WRONG_ALL_MAX; tries += TRIES_MAX, host++)
      await tried(`10.0.0.${host}`, 'guess');
    t.match(await tried('10.0.1.1', 'm4gm4'), /^Too many wrong keys/);
    t.match(await tried('127.0.0.1', 'pwd'), 'Welcome', 'the operator is not locked out');
    at.clock.advance(WRONG_MS);
    t.match(await tried('10.0.0.1', 'm4gm4'), 'Welcome');
  },
);

t.test('a browser that a page sends here does nothing: a request of HTTP ends the session', async (t) => {
  const at = world();
  const client = at.connect();
  client.type('POST / HTTP/1.1\r\nHost: 127.0.0.1:12002\r\n\r\nshutdown\r\nyes\r\n');
  await client.until(({ ended }) => ended);
  t.match(client.text, /This is no web server: the session ends.\n$/);
  t.same(at.done, []);
});

t.test('when the volcano stops, sessions end', async (t) => {
  const at = world();
  const client = at.connect();
  await at.console.close();
  t.match(client.text, /The volcano stops.\n$/);
  t.equal(client.ended, true);
});
