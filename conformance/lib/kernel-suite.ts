import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { wellFormed } from './capture.ts';
import { inGuest, type LinuxClientOptions, linuxClient, report } from './linux-client.ts';
import { makeNamespace } from './namespace.ts';
import { run } from './run.ts';
import { chooseSeed, long } from './seed.ts';
import { Volcano } from './volcano.ts';

const REPOSITORY_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Starts a volcano on the well-known ports of a namespace, with its own portmapper. */
export function startInNamespace(
  t: Test,
  namespace: string,
  scratch: string,
  shares: readonly string[] = ['/ * w no_root_squash'],
): Promise<Volcano> {
  const directory = join(scratch, 'data');
  return Volcano.start(t, { directory, namespace, shares, nfsPort: 2049, mountPort: 20048, portmap: 'own' });
}

/** A namespace of its own with a volcano in it that lets everybody do everything. */
export async function volcanoInNamespace(
  t: Test,
  hint: string,
): Promise<{ volcano: Volcano; namespace: string; scratch: string }> {
  const scratch = mkdtempSync(join(tmpdir(), 'magma-conformance-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const namespace = makeNamespace(t, hint);
  return { volcano: await startInNamespace(t, namespace, scratch), namespace, scratch };
}

/** A git repository and a tar archive of this project's own sources, both in `scratch`. */
async function makeSources(scratch: string): Promise<{ repository: string; archive: string }> {
  const repository = join(scratch, 'repository');
  const archive = join(scratch, 'sources.tar');
  const author = { GIT_CONFIG_GLOBAL: '/dev/null' };
  const script = `set -e; mkdir "$1"; cp -r src docs conformance package.json "$1"; cd "$1"; git init -q; git add -A
    git -c user.name=m -c user.email=m@m.invalid commit -qm sources; tar -cf "$2" src docs`;
  const made = await run('sh', ['-c', script, 'sh', repository, archive], { cwd: REPOSITORY_ROOT, env: author });
  if (made.status !== 0) throw new Error(`cannot make the sources: ${made.stderr}`);
  return { repository, archive };
}

/** Runs scripts under a Linux client, asserts what they say, and lets an independent dissector read every packet. */
export async function watchedClient(
  t: Test,
  directory: string,
  scripts: Parameters<typeof linuxClient>[1],
  options: Omit<LinuxClientOptions, 'capture'>,
): Promise<void> {
  const capture = join(directory, `${options.protocol}-${scripts[0]![0]}.pcap`);
  writeFileSync(capture, '');
  report(t, await linuxClient(directory, scripts, { ...options, capture }));
  await wellFormed(t, capture, 1);
}

/** All that the Linux kernel's client does with one mount over that protocol, every packet of which an independent dissector reads. */
export async function kernelSuite(t: Test, protocol: 'udp' | 'tcp'): Promise<void> {
  const { volcano, namespace, scratch } = await volcanoInNamespace(t, protocol);
  const { repository, archive } = await makeSources(scratch);
  const seed = chooseSeed();
  t.comment(`MAGMA_SEED=${seed} repeats the random part`);
  const capture = join(scratch, 'capture.pcap');
  writeFileSync(capture, '');
  const ran = await linuxClient(
    scratch,
    [
      ['field.py'],
      ['tree.py', long ? '10000' : '2000'],
      ['fsx.py', `${seed}`, long ? '20000' : '1000'],
      ['workloads.py', inGuest(repository), inGuest(archive)],
    ],
    { protocol, namespace, capture, timeoutSeconds: long ? 1800 : 240 },
  );
  report(t, ran);
  volcano.assertAlive();
  await wellFormed(t, capture, 1000);
  t.equal(await volcano.stop(), 0, 'SIGTERM ends it with status 0');
}
