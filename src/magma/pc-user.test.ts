import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { UsageError } from '../magmad/usage.ts';
import { pcUserCommand } from './pc-user.ts';

t.test('users are added, changed and removed; what else the file has stays', async (t) => {
  const dir = t.testdir({ first: 'geheim\n', second: 'x y\n' });
  const file = `${dir}/users`;
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const run = (name: string, ...flags: string[]): Promise<number> => pcUserCommand([file, name, ...flags], say);
  const first = ['--password-file', `${dir}/first`];
  const second = ['--password-file', `${dir}/second`];
  for (const each of ['first', 'second']) chmodSync(`${dir}/${each}`, 0o600);
  t.equal(await run('john', '--uid', '1000', ...first), 0);
  t.equal(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, `# PCs\n\n${readFileSync(file, 'utf8')}`);
  t.equal(
    await run('mary', '--uid', '1001', '--gid', '100', '--groups', '5,6', '--home', 'v:/home/mary', ...second),
    0,
  );
  t.equal(await run('kim', '--uid', '1002', '--home', 'v:/home/kim', ...second), 0);
  const before = readFileSync(file, 'utf8').split('\n');
  t.equal(await run('mary', '--json', '--gid', '101', ...first), 0);
  t.equal(await run('kim', '--remove'), 0);
  const after = readFileSync(file, 'utf8').split('\n');
  t.same(after.slice(0, 3), before.slice(0, 3));
  t.match(before[4]!, /^kim:\$scrypt\$[^:]+:1002:1002::v:\/home\/kim$/);
  t.match(after[3]!, /^mary:\$scrypt\$[^:]+:1001:101:5,6:v:\/home\/mary$/, 'what is not given stays');
  t.not(after[3]!.split(':')[1], before[3]!.split(':')[1]);
  t.same(after.slice(4), ['']);
  t.same(said.slice(0, 3), ['john: added\n', 'mary: added\n', 'kim: added\n']);
  t.match(said[3]!, /"done":"changed"/);
  t.equal(said[4], 'kim: removed\n');
});

t.test('what is wrong is refused, and the file stays as it was', async (t) => {
  const dir = t.testdir({ users: 'john:*:1:1\n', bad: 'gehé\n', long: `${'x'.repeat(65)}\n`, broken: 'john\n' });
  for (const each of ['bad', 'long']) chmodSync(`${dir}/${each}`, 0o600);
  let errors = '';
  const write = (text: string): boolean => {
    errors += text;
    return true;
  };
  t.intercept(process.stderr, 'write', { value: write });
  const run = (...words: string[]): Promise<number> => pcUserCommand([`${dir}/users`, ...words]);
  const usage: [string[], RegExp][] = [
    [['root', '--uid', '0'], /root is no PC user/],
    [['jim'], /a new user needs --uid/],
    [['jim', '--uid', '7', '--gid', 'x'], /--gid/],
    [['jim', '--uid', '7', '--groups', '1,,2'], /--groups/],
    [['jim', '--uid', '7', '--home', 'nowhere'], /HOST:PATH/],
    [['a:b', '--uid', '7'], /printable ASCII/],
    [[], /a file and the name/],
  ];
  for (const [words, message] of usage)
    await t.rejects(run(...words), { constructor: UsageError, message }, words.join(' '));
  const failures: [string[], RegExp][] = [
    [['jim', '--uid', '7', '--password-file', `${dir}/bad`], /printable ASCII/],
    [['jim', '--uid', '7', '--password-file', `${dir}/long`], /at most 64/],
    [['jim', '--remove'], /there is no jim/],
  ];
  for (const [words, message] of failures) {
    errors = '';
    t.equal(await run(...words), 1);
    t.match(errors, message);
  }
  errors = '';
  t.equal(await pcUserCommand([`${dir}/broken`, 'jim', '--uid', '7']), 1);
  t.match(errors, /broken:1: a user is/);
  t.equal(readFileSync(`${dir}/users`, 'utf8'), 'john:*:1:1\n');
});
