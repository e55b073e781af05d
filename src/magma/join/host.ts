import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { isLoopback } from '../../base/address.ts';
import { openDisk } from '../../base/system-disk.ts';
import { ID_NOTE, NICKNAME_NOTE } from '../../dht/volcano/enter.ts';
import { readIdentity } from '../../flare/store/identity.ts';
import type { Config } from '../../magmad/config.ts';
import { reachableAddresses } from '../../magmad/reachable.ts';
import { keptNotes } from '../kept-notes.ts';
import type { Finding } from './findings.ts';

/** What a data directory says of whose it is. */
export interface Directory {
  readonly finding: Finding;
  /** 32 hexadecimal digits; null: it is new. */
  readonly networkId: string | null;
  readonly id: string | null;
  readonly nickname: string | null;
}

/** The nearest directory above that is there. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

/** Looks at a data directory and changes nothing in it. Never rejects. */
export async function directoryOf(path: string): Promise<Directory> {
  const check = 'data';
  const none = { networkId: null, id: null, nickname: null };
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    accessSync(there === undefined ? existing(path) : path, constants.W_OK);
    if (there === undefined)
      return { finding: { check, result: 'yes', text: `${path} does not exist yet, and will be made` }, ...none };
    if (!there.isDirectory())
      return { finding: { check, result: 'no', text: `${path} is no directory. Cure: another one (--data)` }, ...none };
    const identity = await readIdentity(await openDisk(path));
    if (identity === null) return { finding: { check, result: 'yes', text: `${path} is empty` }, ...none };
    const notes = keptNotes(path);
    const networkId = identity.toString('hex');
    const text = `${path} belongs to a volcano of network ${networkId} already`;
    return {
      ...{ finding: { check, result: 'mind', text }, networkId },
      id: notes.note(ID_NOTE)?.toString('latin1') ?? null,
      nickname: notes.note(NICKNAME_NOTE)?.toString('latin1') ?? null,
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? `this user may not write to ${path}` : message;
    return { finding: { check, result: 'no', text: why }, ...none };
  }
}

/** Bytes that are free for a data directory. */
export function roomOf(path: string): number {
  const { bavail, bsize } = statfsSync(existing(path));
  return bavail * bsize;
}

/** Why that port cannot be listened on; null: it can. */
function occupied(host: string | undefined, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      // A host without IPv6 is served over IPv4.
      const why = code === 'EADDRINUSE' ? 'is taken' : code === 'EACCES' ? 'needs root' : null;
      resolve(why ?? (code === 'EADDRNOTAVAIL' ? `cannot be had: this machine has no address ${host}` : message));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }), exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}

/** Whether the volcano's ports are free on this machine. */
export async function portsFinding({
  addresses,
  nfsPort,
  mountPort,
  port,
  nodePort,
}: Pick<Config, 'addresses' | 'nfsPort' | 'mountPort' | 'port' | 'nodePort'>): Promise<Finding> {
  const wanted: readonly (readonly [flag: string, port: number])[] = [
    ['nfs-port', nfsPort],
    ['mount-port', mountPort],
    ['port', port],
    ['node-port', nodePort],
  ];
  const problems: string[] = [];
  for (const [flag, number] of wanted) {
    if (number === 0) continue;
    for (const host of addresses.length === 0 ? [undefined] : addresses) {
      const why = await occupied(host, number);
      if (why !== null) problems.push(`${number} ${why} (--${flag})`);
    }
  }
  const text = wanted.map(([, number]) => number).join(', ');
  return problems.length === 0
    ? { check: 'ports', result: 'yes', text: `${text} are free` }
    : { check: 'ports', result: 'no', text: problems.join('; ') };
}

/** Under which addresses others are to reach it. */
export function addressFinding({ addresses }: Pick<Config, 'addresses'>, through: string): Finding {
  const found = reachableAddresses(addresses, networkInterfaces());
  const text = found.join(' ');
  const alone = found.length > 0 && found.every(isLoopback) && !isLoopback(through);
  return alone || found.length === 0
    ? { check: 'address', result: 'no', text: `${text || 'none'}: others cannot reach it there. Cure: --address` }
    : { check: 'address', result: 'yes', text };
}
