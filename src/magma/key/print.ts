import { statSync } from 'node:fs';
import { openDisk } from '../../base/system-disk.ts';
import { clientSecret } from '../../dht/client-secret.ts';
import { keptKeyIds } from '../../dht/keys/chain.ts';
import { revokedUpTo } from '../../dht/keys/revoked.ts';
import { keyringOf, type NetworkSecrets } from '../../dht/secrets.ts';
import { readIdentity } from '../../flare/store/identity.ts';
import { checkKey } from '../../magmad/identity.ts';
import { keptNotes } from '../kept-notes.ts';
import { failed } from '../ring.ts';
import type { RingClient } from '../ring-client.ts';

function print(json: boolean, secrets: NetworkSecrets, name: string, revoked: number): number {
  const number = revoked + 1;
  const secret = clientSecret(secrets, { name, number });
  const networkId = secrets.networkId.toString('hex');
  process.stdout.write(json ? `${JSON.stringify({ networkId, client: secret, name, number })}\n` : `${secret}\n`);
  return 0;
}

/** `magma key client [NAME]`: the volcano that was asked knows what is revoked. */
export async function printClient(ring: RingClient, json: boolean, name: string): Promise<number> {
  const { fresh, revoked, keyId } = await ring.node(ring.member).keys();
  if (keyId !== ring.secrets.keyId && !json)
    process.stderr.write(
      "magma: this comes from the network's old key, and is let in as long as that: give the new one (--key-file)\n",
    );
  if (!fresh) throw new Error(`${ring.asked} does not know at the moment which keys are revoked. Cure: ask again`);
  return print(json, ring.secrets, name, revoked.find((one) => one.name === name)?.number ?? 0);
}

/** `magma key client --data DIR`: without opening the directory. Resolves with the exit status. */
export async function printFrom(directory: string, key: string, json: boolean): Promise<number> {
  try {
    // openDisk would make it.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
      throw new Error(`${directory}: there is no such directory`);
    const disk = await openDisk(directory);
    const networkId = await readIdentity(disk);
    if (networkId === null) throw new Error(`${directory}: there is no network in it`);
    const notes = keptNotes(directory);
    const secrets = await keyringOf(key).network(networkId);
    const kept = keptKeyIds(notes, networkId);
    if (kept === null) await checkKey(notes, key);
    else if (!kept.includes(secrets.keyId)) throw new Error('this is not the key of the network in the data directory');
    return print(json, secrets, '', revokedUpTo(notes, ''));
  } catch (error) {
    return failed(json, error);
  }
}
