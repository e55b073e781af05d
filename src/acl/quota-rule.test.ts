import t from 'tap';
import { RulesError } from './problem.ts';
import { formatQuota, GRACE_MS, QUOTAS_MAX, type QuotaRule } from './quota-rule.ts';
import { checkQuotas, parseShares } from './shares-file.ts';

/* `PATH quota UIDS LIMIT[,LIMIT...]`: docs/configuration.md, "Quotas". */

function problemsOf(text: string): string[] {
  try {
    const read = parseShares(text, 'shares');
    return checkQuotas(read).map(({ where, word, reason }) => `${where}: "${word}": ${reason}`);
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    return error.message.split('\n');
  }
}

const quotaOf = (line: string): QuotaRule => parseShares(line, 'shares').quotas[0]!;

t.test('A quota says whom it is about, and soft and hard limits of bytes and files', async (t) => {
  const { rules, quotas } = parseShares(
    [
      '/home * w',
      '/home quota 1000-1999+3000 bytes=900M:1G,files=9000:10000,grace=2h # people',
      '/home quota * bytes=10K:',
      '"/home" quota 7 files=5',
    ].join('\n'),
    'shares',
  );
  t.equal(rules.length, 1);
  t.match(quotas, [
    {
      path: '/home',
      uids: [
        { low: 1000, high: 1999 },
        { low: 3000, high: 3000 },
      ],
      bytes: { soft: 900 * 2 ** 20, hard: 2 ** 30 },
      files: { soft: 9000, hard: 10_000 },
      graceMs: 7_200_000,
      where: 'shares:2',
      text: '/home quota 1000-1999+3000',
    },
    { uids: null, bytes: { soft: 10_240, hard: null }, files: { soft: null, hard: null }, graceMs: GRACE_MS },
    { bytes: { soft: null, hard: null }, files: { soft: null, hard: 5 } },
  ]);
  for (const line of ['/a quota * bytes=5:', '/a quota 1-2+9 bytes=1:2,files=3', '/a quota 7 files=1:,grace=60s'])
    t.equal(formatQuota(quotaOf(line)), line, 'as it could be written');
  t.equal(quotaOf('/a quota 1 bytes=0').bytes.hard, 0, 'nothing at all');
  t.equal(quotaOf('/a quota 1 files=1:,grace=0s').graceMs, 0);
});

t.test('What is no quota is refused, with file, line and cure (FIELD.md row 28)', async (t) => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['/a quota', /^shares:1: "\/a quota": is no quota; write PATH quota UIDS/],
    ['/a quota 1 bytes=1 more', /is no quota/],
    ['a quota 1 bytes=1', /"a": is no absolute path/],
    ['/a quota 0-5 bytes=1', /"0-5": has 0 in it, which is never limited/],
    ['/a quota x bytes=1', /"x": wants ranges of numbers.*or \* for all/],
    ['/a quota 1 bytes=2:1', /bytes= has a soft limit above the hard one/],
    ['/a quota 1 bytes=:1', /bytes= wants HARD, SOFT:HARD or SOFT:/],
    ['/a quota 1 bytes=', /bytes= wants HARD/],
    ['/a quota 1 bytes=1X', /bytes= wants HARD/],
    ['/a quota 1 bytes=1025T', /bytes= wants HARD/],
    ['/a quota 1 files=1K', /files= wants HARD/],
    ['/a quota 1 files=1,files=2', /files= is given twice/],
    ['/a quota 1 files=1,grace=366d', /grace= wants a time up to 365d/],
    ['/a quota 1 grace=1d', /limits nothing/],
    ['/a quota 1 blocks=5', /"blocks=5": is no limit; those are bytes=, files= and grace=/],
    ['/a quota 1 bytes', /is no limit/],
  ];
  for (const [line, reason] of wrong) t.match(problemsOf(line), [reason], line);
});

t.test('A quota is for a share as a whole, and for each user there is one', async (t) => {
  t.same(problemsOf('/a * r\n/a/b * w\n/a quota * files=1\n/a quota 5 files=2'), []);
  t.same(problemsOf('/ * r\n/ quota * files=1'), []);
  t.match(problemsOf('/a * r\n/a/b * w\n/a/b quota * files=1'), [/^shares:3: .*is no share: it lies in \/a/]);
  t.match(problemsOf('/ * r\n/b * w\n/b quota * files=1'), [/is no share: it lies in \//]);
  t.match(problemsOf('/a * r\n/ab quota * files=1'), [/is about a path that has no rules/]);
  t.match(problemsOf('/a * r\n/a quota 1-5 files=1\n/a quota 9+3-4 files=2'), [
    /^shares:3: .*is about users that the quota at shares:2 is about/,
  ]);
  t.match(problemsOf('/a * r\n/a quota * files=1\n/a quota * files=2'), [/shares:2/]);
  const many = Array.from({ length: QUOTAS_MAX + 1 }, (_, at) => `/a quota ${at + 1} files=1`).join('\n');
  t.match(problemsOf(`/a * r\n${many}`), [/^shares:4098: .*there are 4097 quotas, and 4096 are allowed/]);
});
