import t from 'tap';
import type { LogLine } from '../api.ts';
import { client } from '../testing/made-up.ts';
import { ClientRates, filteredClients, sortedClients } from './clients.ts';
import { fieldsText, LINES_KEPT, LogLines, passes } from './log-lines.ts';
import { ruleWords } from './rule-words.ts';

t.test('the sickest client comes first, and what begins anew has no rate', async (t) => {
  const rates = new ClientRates();
  const before = [client('10.0.0.1', 'a', 100), client('10.0.0.2', 'a', 50), client('10.0.0.10', 'b', 900)];
  t.same(
    rates.rows({ now: 0, clients: before }).map(({ perSecond }) => perSecond),
    [null, null, null],
  );
  const after = [
    client('10.0.0.1', 'a', 120, { lossPercent: 2 }),
    client('10.0.0.2', 'a', 10, { lossPercent: 0.6, sick: true, replayed: 224 }),
    client('10.0.0.10', 'b', 900),
  ];
  const rows = rates.rows({ now: 4000, clients: after });
  t.same(
    rows.map(({ perSecond }) => perSecond),
    [5, null, 0],
  );
  t.same(rates.rows({ now: 4000, clients: after }), rows, 'the same state again is nothing new');
  const order = (...how: ['loss' | 'client' | 'rate', boolean]): string[] =>
    sortedClients(rows, ...how).map(({ client }) => client.client);
  t.same(
    order('loss', true),
    ['10.0.0.2', '10.0.0.1', '10.0.0.10'],
    'one that is to be named, before one that has hardly called',
  );
  t.same(order('client', false), ['10.0.0.1', '10.0.0.2', '10.0.0.10']);
  t.same(order('rate', true), ['10.0.0.1', '10.0.0.10', '10.0.0.2']);
});

t.test('clients are found by address, volcano and what they have mounted', async (t) => {
  const rows = [
    { client: client('10.0.0.1', 'wallace', 1, { mounts: ['/K%C3%A4se'] }), perSecond: null },
    { client: client('10.0.0.2', 'gromit', 1), perSecond: null },
  ];
  const found = (filter: string): number => filteredClients(rows, filter).length;
  t.same(['', '10.0.0', 'GROMIT', 'käse wallace', 'käse gromit', '  '].map(found), [2, 2, 1, 1, 0, 2]);
});

t.test('rules are told in words, and what is not known as it is written', async (t) => {
  t.same(ruleWords('/srv 192.168.1.0/24 w no_root_squash'), {
    ...{ path: '/srv', who: '192.168.1.0/24', may: 'may read and write', further: ['root stays root'] },
  });
  t.match(ruleWords('/ * r all_squash,anonuid=1200'), {
    who: 'Everybody',
    may: 'may read',
    further: ['everybody is nobody', 'nobody is user 1200'],
  });
  t.match(ruleWords('/a b fe80::/10 n future=1'), { path: '/a b', may: 'may nothing', further: ['future=1'] });
  t.match(ruleWords('/ 10.0.0.0/8 w squash=root anonuid=65534 clamp=true constructor'), {
    further: ['root is nobody', 'constructor'],
  });
  for (const rule of ['', '/srv', '<img src=x onerror=alert(1)>', '/ 10.0.0.1 x']) t.equal(ruleWords(rule), null, rule);
});

const line = (time: number, more: Partial<LogLine> = {}): LogLine => ({
  time,
  level: 30,
  room: 'dht',
  text: 'Lava flows',
  fields: {},
  ...more,
});

t.test('the log keeps so many lines, each once, also when they come again by a new connection', async (t) => {
  const log = new LogLines();
  for (let time = 0; time < LINES_KEPT + 50; time++) log.add(line(time));
  t.equal(log.lines.length, LINES_KEPT);
  t.equal(log.lines[0]!.time, 50);
  t.equal(log.add(line(LINES_KEPT + 49)), false);
  t.equal(log.add(line(LINES_KEPT + 49, { text: 'Another one' })), true);
});

t.test('lines are found by level and by words in all of them', async (t) => {
  const one = line(1, { level: 40, fields: { client: '10.0.0.1', waiting: 3, deep: { a: [1] } } });
  t.equal(fieldsText(one.fields), 'client=10.0.0.1 waiting=3 deep={"a":[1]}');
  t.same(
    [passes(one, 30, ''), passes(one, 50, ''), passes(one, 10, 'LAVA waiting=3'), passes(one, 10, 'lava cold')],
    [true, false, true, false],
  );
});
