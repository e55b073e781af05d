import { createSecretKey, randomBytes } from 'node:crypto';
import { systemRandom } from '../src/base/random.ts';
import { ContentCipher } from '../src/client-fuse/crypto/contents.ts';
import { NameCipher } from '../src/client-fuse/crypto/names.ts';
import { opensslSealer } from '../src/client-fuse/crypto/openssl.ts';
import { nodeSealer, type Sealer } from '../src/client-fuse/crypto/sealer.ts';

/** What is encrypted at once, as in one large request. */
const MEBIBYTE = 1024 * 1024;
const ROUNDS = 5;

const key = createSecretKey(randomBytes(32));
const data = randomBytes(MEBIBYTE);
const directoryIv = randomBytes(16);
const name = Buffer.from('a-file-name.txt');

/** The CPU of one call in µs: the least of a few rounds, for other work on the machine only adds to it. */
function cpuOf(calls: number, call: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let count = 0; count < calls; count++) call();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / calls);
  }
  return least;
}

function print(what: string, microseconds: number): void {
  console.log(`${what.padEnd(44)} ${microseconds.toFixed(1).padStart(8)} µs`);
}

function contents(label: string, sealer: Sealer | null): void {
  if (sealer === null) {
    console.log(`${label}: not on this machine`);
    return;
  }
  const cipher = new ContentCipher(sealer, systemRandom);
  const header = cipher.newHeader();
  const sealed = cipher.seal(header, 0, data);
  print(
    `${label}: encrypt 1 MiB`,
    cpuOf(200, () => cipher.seal(header, 0, data)),
  );
  print(
    `${label}: decrypt 1 MiB`,
    cpuOf(200, () => cipher.open(header, 0, sealed)),
  );
}

const names = new NameCipher(key, 255);
const entry = Buffer.from(names.encrypt(name, directoryIv).entry);
contents('node:crypto', nodeSealer(key));
contents('OpenSSL through koffi', opensslSealer(key));
print(
  'encrypt a name of 15 bytes',
  cpuOf(50_000, () => names.encrypt(name, directoryIv)),
);
print(
  'decrypt it',
  cpuOf(50_000, () => names.entry(entry, directoryIv, false)),
);
