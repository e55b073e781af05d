import t from 'tap';
import { RULES_OBSERVED_MAX } from '../dht/observation.ts';
import { ruleWords, sharesOf, sharesText } from './shares.ts';
import { silent, told } from './testing/seen.ts';

const both = { path: '/', rules: ['/ * r', '/home 192.0.2.0/24 w no_root_squash'] };

t.test('volcanos that share the same are told once, in words', async (t) => {
  const seen = [told('wallace', 0, { shares: [both] }), told('gromit', 1, { shares: [both] })];
  t.equal(
    sharesText(seen),
    '/  on wallace, gromit\n  read-only to *\n  /home read-write to 192.0.2.0/24 (no_root_squash)\n',
  );
});

t.test('where volcanos differ, that is said, and who has which rule; who is silent does not count', async (t) => {
  const pub = { path: '/p\xff', rules: ['/p\ufffd * r'] };
  const seen = [
    told('wallace', 0, { shares: [both, pub] }),
    told('gromit', 1, { shares: [{ path: '/', rules: ['/ * r'] }] }),
    silent('penguin', 2, 'penguin did not answer: off'),
  ];
  t.match(sharesOf(seen), [
    { path: '/', same: false, rules: [{ volcanos: ['wallace', 'gromit'] }, { volcanos: ['wallace'] }] },
    { path: '/p\xff', same: false, volcanos: ['wallace'] },
  ]);
  const text = sharesText(seen);
  t.match(text, /^ {2}read-only to \* {2}on wallace, gromit$/m);
  t.match(text, /^ {2}\/home read-write to .* {2}on wallace$/m);
  t.match(text, /^The volcanos differ about \/\. Cure: /m);
  t.match(text, /^The volcanos differ about \/p\\xff\. /m);
  t.match(text, /^penguin did not answer: off$/m);
  t.match(sharesOf([seen[0]!, seen[2]!]), [{ same: true }, { same: true }]);
});

t.test('who may have more rules than it tells is named', async (t) => {
  const rules = Array.from({ length: RULES_OBSERVED_MAX }, (_, at) => `/ 192.0.2.${at} r`);
  t.match(
    sharesText([told('wallace', 0, { shares: [{ path: '/', rules }] })]),
    /^wallace may have more than it tells: /m,
  );
  t.notMatch(sharesText([told('wallace', 0, { shares: [both] })]), /may have more/);
});

t.test('rules in words: paths with spaces; what is no rule is shown as it is, and obeyed by no terminal', async (t) => {
  t.equal(ruleWords('/a b * r', '/'), '/a b read-only to *');
  t.equal(ruleWords('/a b 192.0.2.1 n', '/a b'), 'nothing to 192.0.2.1');
  t.equal(ruleWords('odd \x1b[2J', '/'), 'odd \\x1b[2J');
});
