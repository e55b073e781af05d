import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { type CallContext, DROP } from '../rpc/program.ts';
import { fromLinked, toLinked } from '../rpc/xdr/linked.ts';
import { XdrReader } from '../rpc/xdr.ts';
import { ADDRESSES_MAX, REFUSED_MAX, REFUSED_MS, WAITING_MAX, WRONG_ALL_MAX, WRONG_MAX, WRONG_MS } from './auth.ts';
import { hashPassword } from './password.ts';
import { pcnfsdProgram } from './program.ts';
import { MAPS_MAX } from './schema.ts';
import { scrambled } from './scramble.ts';
import { parseUsers } from './users.ts';

const HASH = await hashPassword(Buffer.from('geheim'), seededRandom(1), 10);
const FILE = `john:${HASH}:1000:100:5,6:volcano:/home/john\nold:!${HASH}:1002:100`;
let calls = 0;
const at = (address: string, identity = `${++calls}`): CallContext =>
  ({
    ...{ transport: 'udp', client: { address, port: 1023 }, server: { address: '::', port: 1 } },
    replayIdentity: () => identity,
  }) as CallContext;
const b = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Calls as the wire would: arguments and results go through their codecs. */
function house() {
  const clock = manualClock();
  const lines: { message: string; client?: string; user?: string; reason?: string }[] = [];
  const note = (fields: object, message: string): void => void lines.push({ message, ...fields });
  const logger = { debug: note, info: note, warn: note, error: note, fatal: note, child: () => logger };
  let users = parseUsers(FILE, 'users');
  const program = pcnfsdProgram({ users: () => users, clock, random: seededRandom(7), logger });
  async function ask(
    version: number,
    name: string,
    args?: unknown,
    from = '10.0.0.1',
    identity?: string,
  ): Promise<any> {
    const procedure = [...program.versions.get(version)!.values()].find((one) => one.name === name)!;
    const result = await procedure.handle(
      procedure.arguments.read(new XdrReader(procedure.arguments.encode(args))),
      at(from, identity),
    );
    return result === DROP ? DROP : procedure.result.decode(procedure.result.encode(result));
  }
  const login = (name: string, password: string, from?: string, identity?: string): Promise<any> =>
    ask(1, 'AUTH', { id: scrambled(b(name)), password: scrambled(b(password)) }, from, identity);
  return { clock, lines, program, ask, login, become: (file: string) => (users = parseUsers(file, 'users')) };
}

t.test('every procedure of both versions is there, by its number', async (t) => {
  const { program } = house();
  const names = (version: number) =>
    [...program.versions.get(version)!].sort(([a], [z]) => a - z).map(([n, { name }]) => `${n} ${name}`);
  t.same(names(1), ['0 NULL', '1 AUTH', '2 PR_INIT', '3 PR_START']);
  t.same(
    names(2).join(' '),
    '0 NULL 1 INFO 2 PR_INIT 3 PR_START 4 PR_LIST 5 PR_QUEUE 6 PR_STATUS 7 PR_CANCEL 8 PR_ADMIN 9 PR_REQUEUE 10 PR_HOLD 11 PR_RELEASE 12 MAPID 13 AUTH 14 ALERT',
  );
});

t.test(
  'AUTH: the right password gives uid and gid, each failure is one line in the log (FIELD.md row 30)',
  async (t) => {
    const { login, lines, become } = house();
    t.same(await login('john', 'geheim'), { status: 0, uid: 1000, gid: 100 });
    for (const [name, password, reason] of [
      ['john', 'Geheim', 'a wrong password'],
      ['john', '', 'a wrong password'],
      ['jane\n', 'geheim', 'there is no such user'],
      ['root', 'geheim', 'there is no such user'],
      ['old', 'geheim', 'locked'],
    ] as const) {
      lines.length = 0;
      t.same(await login(name, password), { status: 2, uid: 65534, gid: 65534 }, `${name} ${reason}`);
      t.match(lines, [{ message: 'PC-NFS login refused', client: '10.0.0.1', reason }]);
      t.equal(lines.length, 1);
      t.notMatch(JSON.stringify(lines), /geheim/i, 'no password is in the log');
    }
    become(FILE.replace('john:', 'jane:'));
    t.match(await login('john', 'geheim'), { status: 2 }, 'the file was read again');
  },
);

t.test(
  'guessing: after WRONG_MAX from one address none is looked at for WRONG_MS, the right one neither',
  async (t) => {
    const { clock, lines, login } = house();
    for (let count = 0; count < WRONG_MAX; count++) await login('john', `${count}`);
    t.equal(lines.length, WRONG_MAX);
    for (let count = 0; count < 20; count++) t.match(await login('john', 'geheim'), { status: 2 });
    t.equal(lines.length, WRONG_MAX + 1, 'those are one line');
    t.match(await login('john', 'geheim', '10.0.0.2'), { status: 0 }, 'another address');
    clock.advance(WRONG_MS);
    t.match(await login('john', 'geheim'), { status: 0 });
  },
);

t.test('a call that comes again is no further guess, and no further line in the log', async (t) => {
  const { login, lines, clock, become } = house();
  for (let count = 0; count < 2 * WRONG_MAX; count++)
    t.match(await login('john', 'falsch', '10.0.0.1', 'one'), { status: 2 });
  t.equal(lines.length, 1);
  t.match(await login('john', 'geheim'), { status: 0 });
  t.match(await login('john', 'geheim', '10.0.0.1', 'two'), { status: 0 });
  become('');
  t.match(await login('john', 'geheim', '10.0.0.1', 'two'), { status: 2 }, 'what was let in is looked at each time');
  clock.advance(REFUSED_MS);
  lines.length = 0;
  await login('john', 'falsch', '10.0.0.1', 'one');
  t.equal(lines.length, 1, 'REFUSED_MS later it is another call');
  t.ok(REFUSED_MAX > WRONG_ALL_MAX, 'there is room for all that are looked at');
});

t.test('guessing: WRONG_ALL_MAX from all addresses together', async (t) => {
  const { login } = house();
  t.ok(WRONG_ALL_MAX < ADDRESSES_MAX);
  for (let count = 0; count < WRONG_ALL_MAX; count++) await login('john', 'x', `10.0.1.${count}`);
  t.match(await login('john', 'geheim', '10.0.0.2'), { status: 2 });
});

t.test('logins are looked at one at a time; WAITING_MAX wait, who comes then is not answered', async (t) => {
  const { login, lines } = house();
  const all = await Promise.all(Array.from({ length: WAITING_MAX + 5 }, () => login('john', 'geheim')));
  t.equal(all.filter((one) => one === DROP).length, 5);
  t.equal(all.filter((one) => one !== DROP && one.status === 0).length, WAITING_MAX);
  t.equal(lines.filter(({ message }) => /too many PC-NFS logins/.test(message)).length, 1);
  t.match(await login('john', 'geheim'), { status: 0 }, 'there is room again');
});

t.test('version 2: AUTH with groups, home and umask; INFO; MAPID; printing and ALERT are refused', async (t) => {
  const { ask } = house();
  const { status, uid, gid, gids, home, umask } = await ask(2, 'AUTH', {
    ...{ system: b('pc'), id: scrambled(b('john')), password: scrambled(b('geheim')), comment: b('') },
  });
  t.same([status, uid, gid, gids, String(home), umask], [0, 1000, 100, [5, 6], 'volcano:/home/john', 0o022]);
  const info = await ask(2, 'INFO', { version: b('test'), comment: b('') });
  t.same(info.facilities, [100, 100, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 100, 100, -1]);

  const asked = [
    { request: 0, id: 1000, name: b('') },
    { request: 0, id: -2, name: b('') },
    { request: 1, id: 100, name: b('') },
    { request: 2, id: 0, name: b('john') },
    { request: 2, id: 0, name: b('jim') },
    { request: 3, id: 0, name: b('staff') },
    { request: 9, id: 0, name: b('?') },
  ];
  const { list } = await ask(2, 'MAPID', { comment: b(''), list: toLinked(asked) });
  t.same(
    fromLinked<any>(list).map(({ request, status, id, name }) => `${request} ${status} ${id} ${name}`),
    ['0 0 1000 john', '0 1 -2 ', '1 1 100 ', '2 0 1000 john', '2 1 0 jim', '3 1 0 staff', '9 1 0 ?'],
  );
  const tooMany = toLinked(Array.from({ length: MAPS_MAX + 1 }, () => asked[0]!));
  await t.rejects(ask(2, 'MAPID', { comment: b(''), list: tooMany }), { message: /129 questions/ });

  const who = { printer: b('lp'), system: b('pc'), user: b('john') };
  const job = { ...who, job: b('1'), comment: b('') };
  t.match(await ask(1, 'PR_INIT', who), { status: 1 });
  t.match(await ask(1, 'PR_START', { ...who, file: b('x'), options: b('') }), { status: 4 });
  t.match(await ask(2, 'PR_INIT', job), { status: 1 });
  t.match(await ask(2, 'PR_START', { ...job, file: b('x'), options: b(''), copies: 1 }), { status: 4 });
  t.match(await ask(2, 'PR_LIST'), { more: false });
  t.match(await ask(2, 'PR_QUEUE', { ...job, mine: true }), { status: 1, more: false });
  t.match(await ask(2, 'PR_STATUS', job), { status: 1, available: false });
  for (const name of ['PR_CANCEL', 'PR_ADMIN', 'PR_HOLD', 'PR_RELEASE'])
    t.match(await ask(2, name, job), { status: 1 });
  t.match(await ask(2, 'PR_REQUEUE', { ...job, position: 1 }), { status: 1 });
  t.match(await ask(2, 'ALERT', { ...who, message: b('paper') }), { status: 1 });
});
