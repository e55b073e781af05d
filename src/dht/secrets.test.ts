import t from 'tap';
import {
  CLIENT_SECRET_CHARACTERS_MAX,
  ClientSecretError,
  clientSecret,
  parseClientSecret,
  secretOfClient,
} from './client-secret.ts';
import { FIRST_SHARED } from './keys/identity.ts';
import {
  joinerSecretFrom,
  joinerSelf,
  keyOfIdentity,
  keyOfJoiner,
  NETWORK_KEY_BYTES_MAX,
  secretsFrom,
  stretchNetworkKey,
  volcanoSelf,
} from './secrets.ts';

const ID = '000102030405060708090a0b0c0d0e0f';
const NETWORK = Buffer.from(ID, 'hex');

// Made with Python's hashlib.scrypt and hmac.
const STRETCHED = Buffer.from('4f3a6c274a59b5c2a97f789eaf7f3413ee38878a24d8444b9102531f56266a4b', 'hex');
const VOLCANO = '5ba215193fd2584769c3304ecf123e6a26851f46e1a423f437613e1bb945fbfb';
const CLIENT = '0f04c155ac2d5927bb6ba99b692c2b4ad52b98ed139a955678678d4e93759d2c';
const HEARTBEAT = '619efbd93a54ec714c2d0e636b9603dbd54f0f6faa5bb25d36b212f97bd40fb4';
/** What version 1 printed. */
const FIRST_TEXT = `magma-client/1/${ID}/${CLIENT}/c3769d1b`;

const secrets = secretsFrom(STRETCHED, NETWORK);
const hex = (bytes: Buffer | null): string | undefined => bytes?.toString('hex');

t.test('a network key is stretched by scrypt, and named by what tells nothing of it', async (t) => {
  const stretched = await stretchNetworkKey('m4gm4s3cr3t', NETWORK);
  t.same(stretched, secrets);
  t.equal(hex(secrets.stretched), hex(STRETCHED));
  t.equal(hex(secrets.heartbeat), HEARTBEAT);
  t.match(secrets.keyId, /^[0-9a-f]{16}$/);
  t.notOk(hex(STRETCHED)!.includes(secrets.keyId));
  t.same(secrets.networkId, NETWORK);
});

t.test('the same key has another name, and gives other keys, in another network', async (t) => {
  const other = await stretchNetworkKey('m4gm4s3cr3t', Buffer.alloc(16, 1));
  t.not(other.keyId, secrets.keyId);
  t.not(hex(volcanoSelf(other).key), hex(volcanoSelf(secrets).key));
});

t.test('network keys and ids are bounded', async (t) => {
  await t.rejects(stretchNetworkKey('', NETWORK), RangeError);
  await t.rejects(stretchNetworkKey('é'.repeat(NETWORK_KEY_BYTES_MAX / 2 + 1), NETWORK), /1026/);
  await t.rejects(stretchNetworkKey('x', NETWORK.subarray(1)), RangeError);
});

t.test('each identity has a key of its own, of one network key, in one network', async (t) => {
  const { keyId } = secrets;
  const identities = [
    `magma/2/volcano/${ID}/${keyId}`,
    ...['/1', '/2', 'laptop/1', 'laptop/2', 'desktop/1'].map((client) => `magma/2/client/${ID}/${keyId}/${client}`),
    `magma/1/volcano/${ID}`,
    `magma/1/client/${ID}`,
  ];
  const keys = identities.map((identity) => hex(keyOfIdentity(secrets, identity)));
  t.equal(new Set(keys).size, identities.length);
  t.notOk(keys.includes(undefined));
  t.same(volcanoSelf(secrets), { identity: identities[0], key: keyOfIdentity(secrets, identities[0]!) });
  const other = secretsFrom(Buffer.alloc(32, 7), NETWORK);
  const elsewhere = secretsFrom(STRETCHED, Buffer.alloc(16));
  for (const identity of identities.slice(0, 6)) t.equal(keyOfIdentity(other, identity), null, identity);
  for (const identity of identities) t.equal(keyOfIdentity(elsewhere, identity), null, identity);
  for (const identity of ['magma/1/joiner', 'magma/2/client/00', '', 'constructor'])
    t.equal(keyOfIdentity(secrets, identity), null, identity);
});

t.test('keys of identities of version 1 are what they were', async (t) => {
  t.equal(hex(keyOfIdentity(secrets, `magma/1/volcano/${ID}`)), VOLCANO);
  t.equal(hex(keyOfIdentity(secrets, `magma/1/client/${ID}`)), CLIENT);
  t.same(parseClientSecret(FIRST_TEXT), {
    networkId: NETWORK,
    identity: `magma/1/client/${ID}`,
    key: Buffer.from(CLIENT, 'hex'),
  });
});

t.test('who does not know the network has a key that opens nothing of a network', async (t) => {
  const joiner = joinerSecretFrom(STRETCHED);
  const { identity, key } = joinerSelf(joiner);
  t.equal(identity, `magma/2/joiner/${joiner.keyId}`);
  t.equal(hex(keyOfJoiner(joiner, identity)), hex(key));
  t.ok(keyOfJoiner(joiner, 'magma/1/joiner'));
  t.equal(keyOfJoiner(joinerSecretFrom(Buffer.alloc(32)), identity), null);
  t.equal(keyOfJoiner(joiner, volcanoSelf(secrets).identity), null);
});

const CLIENTS = [FIRST_SHARED, { name: 'laptop', number: 3 }, { name: `a${'-'.repeat(31)}`, number: 2 ** 32 - 1 }];

t.test('what `magma key client` prints can be read again, with white space and in capitals too', async (t) => {
  for (const client of CLIENTS) {
    const printed = clientSecret(secrets, client);
    const read = secretOfClient(secrets, client);
    for (const text of [printed, `  ${printed}\n`, printed.toUpperCase()]) t.same(parseClientSecret(text), read);
    t.same(keyOfIdentity(secrets, read.identity), read.key);
    t.notMatch(printed, hex(volcanoSelf(secrets).key)!);
  }
});

t.test(
  'a damaged client secret is refused, whichever character is wrong, and the message does not tell it',
  async (t) => {
    const refusal = (text: string): string => {
      try {
        parseClientSecret(text);
      } catch (error) {
        if (error instanceof ClientSecretError) return error.message;
      }
      return 'taken';
    };
    const second = clientSecret(secrets, CLIENTS[1]);
    for (const whole of [FIRST_TEXT, second]) {
      const key = whole.split('/').at(-2)!.slice(0, 8);
      for (let at = 'magma-client/1/'.length; at < whole.length; at++) {
        const other = whole[at] === '0' ? '1' : '0';
        for (const text of [
          whole.slice(0, at) + other + whole.slice(at + 1),
          whole.slice(0, at) + whole.slice(at + 1),
        ]) {
          const said = refusal(text);
          if (!/damaged/.test(said) || said.includes(key)) t.fail(`character ${at}: ${said}`);
        }
      }
      t.match(refusal(`${whole}/00`), /damaged/);
      t.match(refusal(whole.slice(0, -9)), /damaged/);
      t.match(refusal(whole.padEnd(CLIENT_SECRET_CHARACTERS_MAX + 1)), /at most/);
      t.equal(refusal(whole.padEnd(CLIENT_SECRET_CHARACTERS_MAX)), 'taken');
    }
    t.match(refusal(FIRST_TEXT.replace('/1/', '/2/')), /damaged/);
    t.match(refusal(FIRST_TEXT.replace('/1/', '/3/')), /another version/);
    t.match(refusal('m4gm4s3cr3t'), /begins with magma-client.*magma key client/);
    t.match(refusal(''), /begins with/);
  },
);
