import t from 'tap';
import { CLIENT_SECRET_CHARACTERS_MAX, ClientSecretError, clientSecret, parseClientSecret } from './client-secret.ts';
import { keysOfRoles, NETWORK_KEY_BYTES_MAX, pskIdentity, secretsFrom, stretchNetworkKey } from './secrets.ts';

const NETWORK = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

// Made with Python's hashlib.scrypt and hmac.
const STRETCHED = Buffer.from('4f3a6c274a59b5c2a97f789eaf7f3413ee38878a24d8444b9102531f56266a4b', 'hex');
const VOLCANO = '5ba215193fd2584769c3304ecf123e6a26851f46e1a423f437613e1bb945fbfb';
const CLIENT = '0f04c155ac2d5927bb6ba99b692c2b4ad52b98ed139a955678678d4e93759d2c';
const HEARTBEAT = '619efbd93a54ec714c2d0e636b9603dbd54f0f6faa5bb25d36b212f97bd40fb4';
const TEXT = `magma-client/1/${NETWORK.toString('hex')}/${CLIENT}/c3769d1b`;

t.test('a network key is stretched by scrypt and gives a key to each role, and one to heartbeats', async (t) => {
  const secrets = await stretchNetworkKey('m4gm4s3cr3t', NETWORK);
  t.same(secrets, secretsFrom(STRETCHED, NETWORK));
  t.equal(secrets.roles.volcano.toString('hex'), VOLCANO);
  t.equal(secrets.roles.client.toString('hex'), CLIENT);
  t.equal(secrets.heartbeat.toString('hex'), HEARTBEAT);
  t.same(secrets.networkId, NETWORK);
});

t.test('the same key gives another network other keys', async (t) => {
  const other = await stretchNetworkKey('m4gm4s3cr3t', Buffer.alloc(16, 1));
  t.not(other.roles.volcano.toString('hex'), VOLCANO);
});

t.test('network keys and ids are bounded', async (t) => {
  await t.rejects(stretchNetworkKey('', NETWORK), RangeError);
  await t.rejects(stretchNetworkKey('é'.repeat(NETWORK_KEY_BYTES_MAX / 2 + 1), NETWORK), /1026/);
  await t.rejects(stretchNetworkKey('x', NETWORK.subarray(1)), RangeError);
});

t.test('a listener has keys for its roles only, in its network only', async (t) => {
  const secrets = secretsFrom(STRETCHED, NETWORK);
  const node = keysOfRoles(secrets, ['volcano']);
  const flare = keysOfRoles(secrets);
  t.equal(pskIdentity('volcano', NETWORK), 'magma/1/volcano/000102030405060708090a0b0c0d0e0f');
  t.equal(node(pskIdentity('volcano', NETWORK))?.toString('hex'), VOLCANO);
  t.equal(node(pskIdentity('client', NETWORK)), null, "a client's key opens no node program");
  t.equal(flare(pskIdentity('client', NETWORK))?.toString('hex'), CLIENT);
  for (const identity of [pskIdentity('client', Buffer.alloc(16)), 'magma/2/client/00', '', 'constructor'])
    t.equal(flare(identity), null, identity);
});

t.test('what `magma key client` prints can be read again, with white space and in capitals too', async (t) => {
  t.equal(clientSecret(secretsFrom(STRETCHED, NETWORK)), TEXT);
  const read = { networkId: NETWORK, key: Buffer.from(CLIENT, 'hex') };
  for (const text of [TEXT, `  ${TEXT}\n`, TEXT.toUpperCase()]) t.same(parseClientSecret(text), read);
  t.notMatch(TEXT, VOLCANO);
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
    for (let at = 'magma-client/1/'.length; at < TEXT.length; at++) {
      const other = TEXT[at] === '0' ? '1' : '0';
      for (const text of [TEXT.slice(0, at) + other + TEXT.slice(at + 1), TEXT.slice(0, at) + TEXT.slice(at + 1)]) {
        const said = refusal(text);
        if (!/damaged/.test(said) || said.includes(CLIENT.slice(0, 8))) t.fail(`character ${at}: ${said}`);
      }
    }
    t.match(refusal(`${TEXT}/00`), /damaged/);
    t.match(refusal(TEXT.slice(0, -9)), /damaged/);
    t.match(refusal(TEXT.replace('/1/', '/2/')), /another version/);
    t.match(refusal('m4gm4s3cr3t'), /begins with magma-client.*magma key client/);
    t.match(refusal(''), /begins with/);
    t.match(refusal(TEXT.padEnd(CLIENT_SECRET_CHARACTERS_MAX + 1)), /at most/);
    t.equal(refusal(TEXT.padEnd(CLIENT_SECRET_CHARACTERS_MAX)), 'taken');
  },
);
