import fc from 'fast-check';
import t from 'tap';
import { formatNetwork } from './network.ts';
import { DEFAULT_OPTIONS, formatOptions, ID_MAX, OPTIONS_MAX, RANGES_MAX } from './options.ts';
import { PATH_MAX } from './path.ts';
import { PROBLEMS_MAX, RulesError } from './problem.ts';
import { LINE_MAX, parseRule } from './rule.ts';
import { FILE_MAX, parseShares, RULES_MAX } from './shares-file.ts';

function problemsOf(text: string | Uint8Array): string[] {
  try {
    parseShares(text, 'shares');
    return [];
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    return error.message.split('\n');
  }
}

t.test('the file of the manual is read as it says', async (t) => {
  const { rules } = parseShares(
    [
      '# who may do what',
      '',
      '/            *                 r',
      '/home        192.168.1.0/24    w   no_root_squash,tsize=1024 # the lab',
      '/home/john\tfd00:1::/64\tn\r',
      '  "/with space\\134"  crate7  r  ',
      '/caf\\303\\251 * r',
      '//a/./b// 10.0.0.0/255.0.0.0 w',
    ].join('\n'),
    'shares',
  );
  t.same(
    rules.map((rule) => [rule.path, formatNetwork(rule.network), rule.permission, rule.where]),
    [
      ['/', '*', 'r', 'shares:3'],
      ['/home', '192.168.1.0/24', 'w', 'shares:4'],
      ['/home/john', 'fd00:1::/64', 'n', 'shares:5'],
      ['/with space\\', 'crate7', 'r', 'shares:6'],
      ['/caf\xc3\xa9', '*', 'r', 'shares:7'],
      ['/a/b', '10.0.0.0/8', 'w', 'shares:8'],
    ],
  );
  t.equal(rules[4]!.text, '/café * r', 'people read UTF-8');
  t.same(rules[0]!.options, DEFAULT_OPTIONS);
  t.match(rules[1]!.options, { squash: 'none', tsize: 1024 });
});

t.test('paths are bytes: of a string, its UTF-8; of bytes, themselves', async (t) => {
  t.equal(parseRule('/é * r', 'x').path, '/\xc3\xa9');
  t.equal(parseRule(Buffer.from('/\xe9 * r', 'latin1'), 'x').path, '/\xe9');
});

t.test('any path survives quoting and escaping', async () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => {
    const text = Buffer.from(bytes.filter((byte) => byte !== 0 && byte !== 0x2f)).toString('latin1');
    return text === '' || text === '.' || text === '..' ? 'x' : text;
  });
  const octal = (text: string, only: RegExp): string =>
    text.replace(only, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
  fc.assert(
    fc.property(fc.array(name, { maxLength: 4 }), (names) => {
      const path = `/${names.join('/')}`;
      const plain = `${octal(path, /[^A-Za-z0-9/]/g)} * r`;
      const quoted = `"${octal(path, /[^A-Za-z0-9/ #]/g)}" * r`;
      return parseRule(plain, 'x').path === path && parseRule(quoted, 'x').path === path;
    }),
  );
});

t.test('every option is read', async (t) => {
  const options = (words: string) => parseRule(`/a * w ${words}`, 'x').options;
  t.match(options('root_squash,no_all_squash,insecure,rw,clamp'), DEFAULT_OPTIONS);
  t.match(options('all_squash,anonuid=500,anongid=0'), { squash: 'all', anonuid: 500, anongid: 0 });
  t.match(options('all_squash,root_squash'), { squash: 'all' });
  t.match(options('secure,noclamp,tsize=512'), { secure: true, clamp: false, tsize: 512 });
  t.match(options('size=1900M'), { size: 1900 * 2 ** 20 });
  t.match(options('size=2t'), { size: 2 ** 41 });
  t.match(options('size=8192'), { size: 8192 });
  const ranges = options('uid=1000-1999+3000,uid=5000-5001,gid=100');
  t.same(ranges.uids, [
    { low: 1000, high: 1999 },
    { low: 3000, high: 3000 },
    { low: 5000, high: 5001 },
  ]);
  t.same(ranges.gids, [{ low: 100, high: 100 }]);
  t.match(options('no_root_squash,uid=0+1000-2000'), { squash: 'none' });
  t.match(parseRule('/a * r ro', 'x').permission, 'r');
});

t.test('each slip is refused with file, line, word and cure (FIELD.md row 28)', async (t) => {
  const slips: [string, RegExp][] = [
    ['a * r', /^shares:1: "a": is no absolute path; begin it with \/$/],
    ['/a/../b * r', /"\/a\/\.\.\/b": has a \.\. in it/],
    ['/a\\000b * r', /NUL/],
    [`/${'x'.repeat(256)} * r`, /too long/],
    [`/${'x/'.repeat(PATH_MAX / 2)} * r`, /too long/],
    ['/a', /"\/a": is no rule; write PATH NETWORK/],
    ['/a *', /is no rule/],
    ['/a * rw', /"rw": is no permission; write r/],
    ['/a * r ro x', /"x": is one word too many/],
    ['"/a * r', /a quote is not closed/],
    ['"/a"* r', /a quote is not closed, or something follows it/],
    ['/a * w sync', /"sync": is no option that magma knows; those are root_squash/],
    ['/a * w Secure', /"Secure": is no option/],
    ['/a * w secure=1', /"secure=1": is no option/],
    ['/a * w tsize', /tsize= wants bytes/],
    ['/a * w tsize=511', /tsize= wants bytes from 512 to 8192/],
    ['/a * w tsize=8193', /tsize= wants bytes/],
    ['/a * w tsize=1e3', /tsize= wants bytes/],
    ['/a * w anonuid=-2', new RegExp(`anonuid= wants a number from 0 to ${ID_MAX}`)],
    ['/a * w anongid=4294967295', /anongid= wants a number/],
    ['/a * w uid=5-4', /uid= wants ranges/],
    ['/a * w gid=', /gid= wants ranges/],
    ['/a * w uid=1+', /uid= wants ranges/],
    ['/a * w size=1', /size= wants a size/],
    ['/a * w size=2000T', /size= wants a size/],
    ['/a * w size=1.5G', /size= wants a size/],
    ['/a * w secure,', /an option is empty/],
    ['/a * w secure,secure', /"secure": is given twice/],
    ['/a * w tsize=512,tsize=512', /tsize= is given twice/],
    ['/a * w secure,insecure', /"insecure": contradicts secure/],
    ['/a * w ro', /"ro": contradicts the rule's w/],
    ['/a * r rw', /"rw": contradicts the rule's r/],
    ['/a * n ro', /"ro": contradicts the rule's n/],
    ['/a * w all_squash,no_root_squash', /contradicts all_squash/],
    ['/a * w all_squash,uid=1', /contradicts all_squash/],
    ['/a * w no_root_squash,uid=1-9', /contradicts uid=, whose ranges leave out 0/],
    ['/a\x01 * r', /control characters/],
    [
      `/a * w ${Array(OPTIONS_MAX + 1)
        .fill('uid=1')
        .join()}`,
      /may have 32 options/,
    ],
    [
      `/a * w uid=${Array(RANGES_MAX + 1)
        .fill('1')
        .join('+')}`,
      /may have 64 ranges/,
    ],
    [`/a * r #${' '.repeat(LINE_MAX)}`, /longer than 8192 bytes/],
  ];
  for (const [line, reason] of slips) {
    const problems = problemsOf(line);
    t.equal(problems.length, 1, `${line.slice(0, 60)}: one problem`);
    t.match(problems[0], reason);
    t.match(problems[0], /^shares:1: /);
  }
});

t.test('a second rule for the same path and network is an error, not ignored (FIELD.md row 28)', async (t) => {
  const [problem, ...others] = problemsOf('/a/b 10.0.0.0/8 r\n/c * r\n/a//b/ 10.0.0.0/255.0.0.0 w');
  t.same(others, []);
  t.match(problem, /^shares:3: "\/a\/b 10.0.0.0\/8 w": there is a rule .* at shares:1; keep one of the two$/);
});

t.test('all problems of a file are told at once', async (t) => {
  const problems = problemsOf('x 1.2.3 q\n/a * w what,tsize=1\n/b * r');
  t.same(
    problems.map((line) => line.split(': ').slice(0, 2).join(' ')),
    ['shares:1 "x"', 'shares:1 "1.2.3"', 'shares:1 "q"', 'shares:2 "what"', 'shares:2 "tsize=1"'],
  );
});

t.test('bounds: bytes of a file, rules, problems told', async (t) => {
  t.match(problemsOf('#'.repeat(FILE_MAX + 1)), [/^shares: the file has 1048577 bytes/]);
  const rules = (count: number) => Array.from({ length: count }, (_, at) => `/${at} * r`).join('\n');
  t.equal(parseShares(rules(RULES_MAX), 'shares').rules.length, RULES_MAX);
  t.match(problemsOf(rules(RULES_MAX + 1)), [/^shares:4097: there are 4097 rules, and 4096 are allowed/]);
  const many = problemsOf('junk\n'.repeat(PROBLEMS_MAX + 7));
  t.equal(many.length, PROBLEMS_MAX + 1);
  t.equal(many.at(-1), 'and 7 more problems');
});

t.test('an empty file gives no rules; a byte order mark is no junk', async (t) => {
  t.same(parseShares('', 'shares').rules, []);
  t.equal(parseShares('\ufeff/a * r', 'shares').rules.length, 1);
});

t.test('any bytes give rules or a RulesError', async () => {
  const line = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^["\\/a-z0-9 *#,=:.rwn]{0,40}$/));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      problemsOf(lines.join('\n'));
    }),
  );
});

t.test('parseRule names the place that it was told', async (t) => {
  t.throws(() => parseRule('/a * x', '--share'), { message: /^--share: "x": is no permission/ });
  t.throws(() => parseRule(' # nothing', '--share'), { message: /^--share: there is no rule/ });
  t.throws(() => parseRule('/a * r\n/b * r', '--share'), { message: /control characters/ });
});

t.test('options are told as they can be read again', async (t) => {
  const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
  const id = fc.integer({ min: 0, max: ID_MAX });
  const ranges = fc.array(
    fc.tuple(id, id).map(([one, other]) => (one < other ? `${one}-${other}` : `${other}-${one}`)),
    { minLength: 1, maxLength: 4 },
  );
  const word = (words: readonly string[]) => fc.constantFrom('', ...words);
  fc.assert(
    fc.property(
      fc.constantFrom('', 'all_squash', 'root_squash'),
      some(id),
      some(id),
      some(ranges),
      word(['secure']),
      word(['noclamp', 'clamp']),
      word(['report_uid']),
      fc.subarray(['host_groups', 'fold_case', 'dos_names', 'bulk']),
      some(fc.integer({ min: 512, max: 8192 })),
      some(fc.integer({ min: 8192, max: 2 ** 50 })),
      (squash, anonuid, anongid, uids, secure, clamp, report, switches, tsize, size) => {
        const given = [
          ...switches,
          ...[squash, secure, clamp, report, anonuid === null ? '' : `anonuid=${anonuid}`],
          ...[anongid === null ? '' : `anongid=${anongid}`, tsize === null ? '' : `tsize=${tsize}`],
          ...[size === null ? '' : `size=${size}`],
          uids === null || squash === 'all_squash' ? '' : `uid=${uids.join('+')}`,
        ].filter((one) => one !== '');
        const { options } = parseRule(`/a * w ${given.join(',')}`, 'x');
        t.same(parseRule(`/a * w ${formatOptions(options)}`, 'y').options, options);
      },
    ),
  );
  t.equal(formatOptions(DEFAULT_OPTIONS), '');
});
