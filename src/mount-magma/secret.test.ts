import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { clientSecret, secretOfClient } from '../dht/client-secret.ts';
import { FIRST_SHARED } from '../dht/keys/identity.ts';
import { secretsFrom } from '../dht/secrets.ts';
import { KEY_FILE_MAX, readKeyFile, readSecretFile, secretOf } from './secret.ts';

const secrets = secretsFrom(Buffer.alloc(32, 1), Buffer.alloc(16, 2));

t.test('a key file: its first line, for nobody else, and bounded', async (t) => {
  const path = join(t.testdir(), 'key');
  const write = (text: string, mode = 0o600): void => {
    writeFileSync(path, text);
    chmodSync(path, mode);
  };
  write('sesame\r\nmore\n');
  t.equal(readKeyFile(path), 'sesame');
  for (const mode of [0o640, 0o604, 0o660, 0o610]) {
    write('sesame', mode);
    t.throws(() => readKeyFile(path), { message: /its mode is .*so others can use it\. Cure: chmod 600/ });
  }
  write('\nsesame\n');
  t.throws(() => readKeyFile(path), { message: /no key in its first line/ });
  write('x'.repeat(KEY_FILE_MAX + 1));
  t.throws(() => readKeyFile(path), { message: /more than 4096 bytes/ });
  t.throws(() => readKeyFile(`${path}-not`), { message: /ENOENT/, status: 1 });
});

t.test('a passfile: the bytes of its first line as they are, as gocryptfs takes them', async (t) => {
  const path = join(t.testdir(), 'pass');
  for (const [text, line] of [
    ['two words \nmore', 'two words '],
    ['no end', 'no end'],
    ['\xff\x80\r\n', '\xff\x80\r'],
    ['\n', ''],
    ['', ''],
  ] as const) {
    writeFileSync(path, Buffer.from(text, 'latin1'), { mode: 0o600 });
    t.equal(readSecretFile('passfile', path).toString('latin1'), line);
  }
  chmodSync(path, 0o644);
  t.throws(() => readSecretFile('passfile', path), { message: /^passfile .*mode is 0644.*chmod 600/, status: 1 });
});

t.test('what `magma key client` prints, or else a network key', async (t) => {
  const text = clientSecret(secrets);
  t.same(secretOf(`${text}\n`), { client: secretOfClient(secrets, FIRST_SHARED) });
  t.same(secretOf('m4gm4s3cr3t'), { network: 'm4gm4s3cr3t' });
  t.throws(() => secretOf(text.slice(0, -1)), { message: /the client secret is damaged/, status: 1 });
  t.throws(() => secretOf(text + 'x'.repeat(2000)), { message: /too long/ });
});
