import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../lib/ports.ts';
import { run } from '../lib/run.ts';
import { UdpWire } from '../lib/wire.ts';
import { mount, Nfs2Wire } from '../lib/wire-nfs2.ts';
import { makeFirst, makeSecond, sampleOf } from './lib/sample.ts';

/*
 * node conformance/versions/make.ts CHECKOUT VERSION [FLAG...]
 *
 * Makes the data directory that is kept of a released version (docs/upgrading.md): `VERSION/data.tar.gz`, and `VERSION/tree.json`, what was in it. CHECKOUT is that version, with its packages;
 * FLAGs are told to its magmad besides.
 */

const ENDED_MS = 60_000;

async function serving(checkout: string, directory: string, more: readonly string[]) {
  const [nfsPort, mountPort] = [await freePort(), await freePort()];
  const ports = ['--nfs-port', `${nfsPort}`, '--mount-port', `${mountPort}`, '--portmap', 'off'];
  const who = ['-b', '-n', 'wallace', '-d', directory, '-i', '127.0.0.1'];
  const flags = [...who, ...ports, '--share', '/ 127.0.0.1 w no_root_squash', ...more];
  const child = spawn(join(checkout, 'bin', 'magmad'), flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  for await (const data of child.stdout) {
    process.stderr.write(data);
    if (/\bready\b/.test(String(data))) break;
  }
  const mounting = await UdpWire.open(mountPort);
  const wire = await UdpWire.open(nfsPort);
  const root = await mount(mounting, '/');
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    for (const one of [mounting, wire]) one.close();
    child.kill(signal);
    await ended;
  };
  return { nfs: new Nfs2Wire(wire), root, end };
}

const [checkout, version, ...more] = process.argv.slice(2);
if (checkout === undefined || version === undefined) throw new Error('make.ts CHECKOUT VERSION [FLAG...]');
const directory = mkdtempSync(join(tmpdir(), 'magma-version-'));
const data = join(directory, 'data');
const first = await serving(resolve(checkout), data, more);
await makeFirst(first.nfs, first.root);
await first.end('SIGTERM');
const second = await serving(resolve(checkout), data, more);
await makeSecond(second.nfs, second.root);
const tree = await sampleOf(second.nfs, second.root);
const root = second.root.toString('hex');
await second.end('SIGKILL');
const kept = fileURLToPath(new URL(`./${version}/`, import.meta.url));
mkdirSync(kept, { recursive: true });
const owner = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@0'];
const packed = await run(
  'tar',
  ['-c', '-I', 'gzip -9n', '-f', join(kept, 'data.tar.gz'), ...owner, '-C', directory, 'data'],
  {
    timeoutMs: ENDED_MS,
  },
);
if (packed.status !== 0) throw new Error(packed.stderr);
writeFileSync(join(kept, 'tree.json'), `${JSON.stringify({ root, tree })}\n`);
rmSync(directory, { recursive: true });
