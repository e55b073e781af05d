import fc from 'fast-check';
import t from 'tap';
import { IDENTITY_BYTES_MAX } from '../../base/secure-net.ts';
import { chooseSeed } from '../../base/testing/seed.ts';
import {
  CLIENT_NAME_MAX,
  CLIENT_NUMBER_MAX,
  type Identity,
  identityText,
  isClientName,
  parseIdentity,
} from './identity.ts';

const NETWORK = 'ab'.repeat(16);
const KEY = 'cd'.repeat(8);

const letters = fc.constantFrom(...'abcxyz0189');
const rest = fc.array(fc.constantFrom(...'abcxyz0189._-'), { maxLength: CLIENT_NAME_MAX - 1 });
const name = fc.tuple(letters, rest).map(([first, more]) => first + more.join(''));
const client = fc.oneof(
  fc.record({ name, number: fc.integer({ min: 1, max: CLIENT_NUMBER_MAX }) }),
  fc.record({ name: fc.constant(''), number: fc.integer({ min: 0, max: CLIENT_NUMBER_MAX }) }),
);
const identity: fc.Arbitrary<Identity> = fc.oneof(
  fc.record({ role: fc.constant('joiner' as const), keyId: fc.constantFrom(null, KEY) }),
  fc.record({
    role: fc.constant('volcano' as const),
    networkId: fc.constant(NETWORK),
    keyId: fc.constantFrom(null, KEY),
  }),
  fc.record({ role: fc.constant('client' as const), networkId: fc.constant(NETWORK), keyId: fc.constant(KEY), client }),
);

t.test('what an identity says is read from its text, which TLS takes', async () => {
  fc.assert(
    fc.property(identity, (one) => {
      const text = identityText(one);
      const read = parseIdentity(text);
      return text.length <= IDENTITY_BYTES_MAX && JSON.stringify(read) === JSON.stringify(one);
    }),
    { seed: chooseSeed(), numRuns: 300 },
  );
});

t.test('other texts are no identities', async (t) => {
  const head = `magma/2/client/${NETWORK}/${KEY}`;
  const long = 'a'.repeat(CLIENT_NAME_MAX);
  t.ok(parseIdentity(`${head}/${long}/1`));
  for (const text of [
    '',
    'constructor',
    'magma/1/root',
    `magma/1/client/${NETWORK}/`,
    `magma/1/volcano/${NETWORK.toUpperCase()}`,
    `magma/2/volcano/${NETWORK}`,
    `magma/2/joiner/${NETWORK}`,
    head,
    `${head}/laptop`,
    `${head}/laptop/`,
    `${head}/laptop/0`,
    `${head}/laptop/01`,
    `${head}/laptop/${CLIENT_NUMBER_MAX + 1}`,
    `${head}/laptop/1/1`,
    `${head}/-laptop/1`,
    `${head}/Laptop/1`,
    `${head}/${long}a/1`,
    `${head}/laptop/1\n`,
  ])
    t.equal(parseIdentity(text), null, text);
});

t.test('names of clients are short, of letters that look the same everywhere', async (t) => {
  for (const good of ['', 'a', '9', 'a.b-c_d', 'x'.repeat(CLIENT_NAME_MAX)]) t.ok(isClientName(good), good);
  for (const bad of ['-', '.', 'A', 'a/b', 'a b', 'é', 'x'.repeat(CLIENT_NAME_MAX + 1)])
    t.notOk(isClientName(bad), bad);
});
