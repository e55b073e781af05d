import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { RulesError } from '../acl/problem.ts';
import { seededRandom } from '../base/random.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import type { Program } from '../rpc/program.ts';
import { describeRules, mountCommand } from './banner.ts';
import { type Config, readConfig } from './config.ts';
import { checkKey, keepKey, settleNickname } from './identity.ts';
import { writePidFile } from './pidfile.ts';
import { registrationsOf } from './portmapper.ts';
import { waitingForRestart } from './reload.ts';
import { reportConfig } from './report.ts';
import { DEFAULT_RULES, readRules } from './rules.ts';
import { withoutKey } from './secret.ts';
import { progress } from './store.ts';

const configOf = (...argv: string[]): Config => {
  const request = readConfig(argv, {});
  if (!('config' in request)) throw new Error('not a configuration');
  return request.config;
};

t.test('rules come from flags and the shares file together; none given means the default ones', async (t) => {
  t.match(readRules(configOf()), { byDefault: true, rules: { length: DEFAULT_RULES.length } });
  const file = `${t.testdir({ shares: '# all\n/b * r\n' })}/shares`;
  const { rules, byDefault } = readRules(configOf('--share', '/a * w', '--shares', file));
  t.same([rules.map(({ path, where }) => `${path} ${where}`), byDefault], [['/a --share', `/b ${file}:2`], false]);
  writeFileSync(file, '/b * x\n/a * w\n');
  const message = (argv: string[]): string => {
    try {
      readRules(configOf(...argv));
    } catch (error) {
      if (error instanceof RulesError) return error.message;
    }
    return 'nothing was refused';
  };
  t.match(
    message(['--share', '/c r', '--shares', file]),
    /^--share: .*is no rule.*\n.*shares:1: "x": is no permission/,
  );
  writeFileSync(file, '/a * r\n');
  t.match(message(['--share', '/a * w', '--shares', file]), /shares:1: .*there is a rule .* already, at --share/);
  t.throws(() => readRules(configOf('--shares', `${file}.not`)), { message: /^--shares: cannot read .*no such file/ });
});

t.test('rules in words, and what to type', async (t) => {
  const { rules } = readRules(configOf('--share', '/ * r', '--share', '/ 10.0.0.0/8 w', '--share', '"/a b" ::1 n'));
  t.same(describeRules(rules), ['/ read-only to *, read-write to 10.0.0.0/8', '/a b nothing to ::1']);
  const ports = { nfsPort: 12049, mountPort: 12050 };
  t.equal(
    mountCommand({ ...ports, findable: false }, 'volcano', '/home'),
    'mount -t nfs -o nfsvers=2,proto=tcp,port=12049,mountport=12050,nolock volcano:/home /mnt',
  );
  t.equal(mountCommand({ ...ports, findable: true }, '::1', '/'), 'mount -t nfs -o nfsvers=2,proto=tcp [::1]:/ /mnt');
});

t.test('the network’s key is kept as a hash; another one is refused', async (t) => {
  const notes = new MemoryNotes();
  const random = seededRandom(1);
  await checkKey(notes, 'm4gm4s3cr3t');
  t.equal(await keepKey(notes, 'm4gm4s3cr3t', random), 'new');
  t.equal(await keepKey(notes, 'm4gm4s3cr3t', random), 'same');
  await checkKey(notes, 'm4gm4s3cr3t');
  await t.rejects(checkKey(notes, 'other'), { message: /not the key of the network/ });
  t.ok(
    notes.note('volcano/key')!.equals(notes.note('network/key')!),
    'a volcano knows it before it reaches the others',
  );
  t.notMatch(notes.note('network/key')!.toString('latin1'), /m4gm4s3cr3t/);
  await notes.setNote('volcano/key', Buffer.of(9));
  await t.rejects(checkKey(notes, 'm4gm4s3cr3t'), { message: /use a newer magmad/ });
});

t.test('the nickname is kept until another is given', async (t) => {
  const notes = new MemoryNotes();
  t.equal(await settleNickname(notes, { nickname: null }, 'host'), 'host');
  t.equal(await settleNickname(notes, { nickname: null }, 'renamed-host'), 'host');
  t.equal(await settleNickname(notes, { nickname: 'wallace' }, 'host'), 'wallace');
  t.equal(await settleNickname(notes, { nickname: null }, 'host'), 'wallace');
});

t.test('the key on the command line is covered, however it is written', async (t) => {
  t.equal(withoutKey(['-b', '--key-file', 'k', '-d', './k']), null);
  for (const argv of [
    ['-k', 's3cret'],
    ['--key', 's3cret'],
    ['--key=s3cret'],
    ['-ks3cret'],
    ['-bks3cret'],
    ['-bk', 's3cret'],
  ]) {
    const shown = withoutKey(['-n', 'wallace', ...argv, '-b'])!.join(' ');
    t.match(shown, /^-n wallace .*\*\*\* -b$/);
    t.notMatch(shown, /s3cret/);
  }
});

t.test('a pid file is replaced, and removed only by whom it names', async (t) => {
  const path = `${t.testdir({ pid: '1\n' })}/pid`;
  const remove = writePidFile(path, 4711);
  t.equal(readFileSync(path, 'utf8'), '4711\n');
  remove();
  t.notOk(existsSync(path));
  const mine = writePidFile(path, 4711);
  writePidFile(path, 4712);
  mine();
  t.equal(readFileSync(path, 'utf8'), '4712\n');
  t.throws(() => writePidFile('/nowhere/pid', 1), { message: /cannot write the pid file \/nowhere\/pid/ });
});

t.test('a store that makes no progress is not well', async (t) => {
  const stats = { appended: 5, durable: 5 };
  const healthy = progress(() => stats);
  t.ok(healthy(), 'idle');
  stats.appended = 7;
  t.ok(healthy(), 'records are on their way');
  t.notOk(healthy(), 'and none has arrived since');
  stats.durable = 6;
  t.ok(healthy(), 'one has');
  stats.durable = 7;
  t.ok(healthy());
  t.ok(healthy(), 'idle again');
});

t.test('a reload names the settings that wait for the next start', async (t) => {
  t.same(waitingForRestart(configOf('--share', '/ * r'), configOf('--share', '/ * w')), []);
  t.same(waitingForRestart(configOf(), configOf('--nfs-port', '1', '-n', 'x')), ['nickname', 'nfsPort']);
});

t.test('registrations: every version, over every transport that is served', async (t) => {
  const program: Program = {
    number: 7,
    name: 'x',
    versions: new Map([
      [1, new Map()],
      [2, new Map()],
    ]),
  };
  const here = { address: '0.0.0.0', port: 9 };
  const both = registrationsOf(program, { port: 9, udp: [here, { address: '::', port: 9 }], tcp: [here] });
  t.same(
    both.map(({ version, netid, port }) => `${version} ${netid} ${port}`),
    ['1 udp 9', '1 udp6 9', '1 tcp 9', '2 udp 9', '2 udp6 9', '2 tcp 9'],
  );
});

t.test('--check-config shows every setting, where it was set, the rules in words, and no key', async (t) => {
  const config = configOf('-k', 's3cret', '--nfs-port', '1', '--share', '/ * r');
  const text = reportConfig(config, readRules(config));
  t.match(text, /^nfs-port +1 +set by --nfs-port$/m);
  t.match(text, /^mount-port +20048 +default$/m);
  t.match(text, /^key +\(set\) +set by -k$/m);
  t.match(text, /^rules:\n {2}\/ read-only to \*$/m);
  t.notMatch(text, /s3cret/);
  t.match(text, /^port +12000 +default$/m);
  const joining = configOf('-k', 's3cret', '-r', 'fd00::20', '-r', 'wallace:1', '--replicas', '3');
  t.match(
    reportConfig(joining, readRules(joining)),
    /^join +\[fd00::20\]:12001 wallace:1 +set by -r\nreplicas +3 +set by --replicas$/m,
  );
  const alone = configOf();
  t.match(reportConfig(alone, readRules(alone)), /^port +\(closed: no key\) +default\nnode-port +\(closed: no key\)/m);
});
