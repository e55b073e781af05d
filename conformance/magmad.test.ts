import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { freePort } from './lib/ports.ts';
import { UdpWire, unixCredential } from './lib/wire.ts';
import { mount, NFS } from './lib/wire-nfs2.ts';

const MAGMAD = fileURLToPath(new URL('../bin/magmad', import.meta.url));
const MAGMA = fileURLToPath(new URL('../bin/magma', import.meta.url));

const captured = await captureRun(t, 'magmad');
type Line = Record<string, unknown> & { readonly msg: string; readonly level: string };

/** A magmad whose log is read line by line. */
class Magmad {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  errors = '';
  readonly ended: Promise<number>;
  #wake: (() => void)[] = [];
  #over = false;
  #seen = 0;

  constructor(t: Test, args: readonly string[], environment: Record<string, string> = {}) {
    this.child = spawn(MAGMAD, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    t.teardown(() => this.child.kill('SIGKILL'));
    let rest = '';
    this.child.stdout!.on('data', (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.lines.push(JSON.parse(line) as Line);
      this.#wakeAll();
    });
    this.child.stderr!.on('data', (data: Buffer) => {
      this.errors += data.toString();
    });
    this.ended = once(this.child, 'close').then(([code]) => {
      this.#over = true;
      this.#wakeAll();
      return code as number;
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** The next line whose sentence matches; those before it are skipped. */
  async line(sentence: RegExp): Promise<Line> {
    for (;;) {
      while (this.#seen < this.lines.length) {
        const line = this.lines[this.#seen++]!;
        if (sentence.test(line.msg)) return line;
      }
      if (this.#over) throw new Error(`magmad ended without ${sentence}:\n${this.log}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  get log(): string {
    return this.lines.map(({ msg }) => msg).join('\n') + this.errors;
  }
}

function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'magmad-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const ANY_PORTS = ['--nfs-port', '0', '--mount-port', '0', '--portmap', 'off', '--address', '127.0.0.1'];

/** `magma check`. */
function check(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(MAGMA, ['check', ...args], { encoding: 'utf8' });
}

/** Whether that path can be mounted from here. */
async function mountable(port: number, path: string): Promise<boolean> {
  const wire = await UdpWire.open(port);
  try {
    await mount(wire, path);
    return true;
  } catch {
    return false;
  } finally {
    wire.close();
  }
}

t.test('starts, says ready with its ports and what to type, serves, and ends in order on SIGTERM', async (t) => {
  const dir = scratch(t);
  const pidFile = join(dir, 'pid');
  const args = ['-b', '-n', 'wallace', '-d', join(dir, 'data'), '--pid-file', pidFile, ...ANY_PORTS];
  const first = new Magmad(t, args);
  t.match(
    (await first.line(/^on a client/)).msg,
    /mount -t nfs -o nfsvers=2,proto=tcp,port=\d+,mountport=\d+,nolock 127/,
  );
  const ready = await first.line(/^ready$/);
  t.match(ready, { nickname: 'wallace', nfsPort: Number, mountPort: Number, portmap: 'off', pid: first.child.pid });
  t.match(first.log, /nobody has said what to share/, 'the default rules are told of');
  t.match(first.log, /sharing \/ .*read-write to 127\.0\.0\.0\/8.*read-only to \*/);
  t.equal(readFileSync(pidFile, 'utf8'), `${first.child.pid}\n`, 'the process is the one that was started');
  t.ok(await mountable(ready.mountPort as number, '/'));
  t.match(check(join(dir, 'data')), { status: 1, stderr: /is in use/ });
  first.child.kill('SIGTERM');
  t.equal(await first.ended, 0);
  t.notOk(existsSync(pidFile));
  t.match(check(join(dir, 'data')), { status: 0, stdout: /^sound$/m });
  t.match(JSON.parse(check('--json', join(dir, 'data')).stdout), { sound: true, flares: 1, faults: [] });

  const again = new Magmad(t, ['-b', '-d', join(dir, 'data'), ...ANY_PORTS]);
  t.match(await again.line(/it is opened, not booted anew/), { level: 'info' });
  t.match(await again.line(/^ready$/), { nickname: 'wallace' }, 'it keeps its nickname');
  again.child.kill('SIGINT');
  t.equal(await again.ended, 0);
});

t.test('a second magmad on the same data directory is refused', async (t) => {
  const data = join(scratch(t), 'data');
  const first = new Magmad(t, ['-b', '-d', data, ...ANY_PORTS]);
  await first.line(/^ready$/);
  const second = new Magmad(t, ['-b', '-d', data, ...ANY_PORTS]);
  t.equal(await second.ended, 1);
  t.match(second.log, /in use by another magmad/);
  first.child.kill('SIGTERM');
  t.equal(await first.ended, 0);
});

t.test('a directory of a newer format, an empty one without -b, and one of somebody else are refused', async (t) => {
  const data = join(scratch(t), 'data');
  const empty = new Magmad(t, ['-d', data, ...ANY_PORTS]);
  t.equal(await empty.ended, 1);
  t.match(empty.log, /there is no network .* \(-b\)/);
  const first = new Magmad(t, ['-b', '-d', data, ...ANY_PORTS]);
  await first.line(/^ready$/);
  first.child.kill('SIGTERM');
  await first.ended;
  const network = JSON.parse(readFileSync(join(data, 'network'), 'utf8')) as object;
  writeFileSync(join(data, 'network'), JSON.stringify({ ...network, format: 99 }));
  const newer = new Magmad(t, ['-b', '-d', data, ...ANY_PORTS]);
  t.equal(await newer.ended, 1);
  t.match(newer.log, /has format 99, .*use a newer magma/);
  const foreign = scratch(t);
  writeFileSync(join(foreign, 'thesis.tex'), '');
  const other = new Magmad(t, ['-b', '-d', foreign, ...ANY_PORTS]);
  t.equal(await other.ended, 1);
  t.match(other.log, /is no magma directory: it holds "thesis.tex"/);
});

t.test(
  'SIGHUP reads the rules again; bad ones are refused with file, line and reason, and the old ones stay',
  async (t) => {
    const dir = scratch(t);
    const shares = join(dir, 'shares');
    writeFileSync(shares, '/first * r\n');
    const magmad = new Magmad(t, ['-b', '-d', join(dir, 'data'), '--shares', shares, ...ANY_PORTS]);
    const port = (await magmad.line(/^ready$/)).mountPort as number;
    t.same([await mountable(port, '/first'), await mountable(port, '/second')], [true, false]);

    writeFileSync(shares, '# rules\n/second * r\n');
    magmad.child.kill('SIGHUP');
    await magmad.line(/^the rules were read again$/);
    t.same([await mountable(port, '/first'), await mountable(port, '/second')], [false, true]);

    writeFileSync(shares, '/first * r\n/second * rx\n');
    magmad.child.kill('SIGHUP');
    const refusal = await magmad.line(/^.*shares:2: /);
    t.match(refusal, { level: 'error', msg: `${shares}:2: "rx": is no permission` });
    await magmad.line(/the old ones stay/);
    t.same([await mountable(port, '/first'), await mountable(port, '/second')], [false, true]);

    rmSync(shares);
    magmad.child.kill('SIGHUP');
    await magmad.line(/there is no such file/);
    await magmad.line(/the old ones stay/);
    t.ok(await mountable(port, '/second'));
    magmad.child.kill('SIGTERM');
    t.equal(await magmad.ended, 0);
  },
);

t.test('SIGHUP names the settings that wait for the next start', async (t) => {
  const dir = scratch(t);
  const file = join(dir, 'magmad.toml');
  writeFileSync(file, 'nickname = "wallace"\nshare = ["/a * r"]\n');
  const magmad = new Magmad(t, ['-b', '-d', join(dir, 'data'), '--config', file, ...ANY_PORTS]);
  const port = (await magmad.line(/^ready$/)).mountPort as number;
  writeFileSync(file, 'nickname = "gromit"\nshare = ["/b * r"]\n');
  magmad.child.kill('SIGHUP');
  t.match(await magmad.line(/only at the next start/), { settings: ['nickname'] });
  await magmad.line(/^the rules were read again$/);
  t.ok(await mountable(port, '/b'));
});

t.test('the key is the network’s: the same one is taken, another refused, and none is shown', async (t) => {
  const dir = scratch(t);
  const start = ['-b', '-d', join(dir, 'data'), ...ANY_PORTS];
  const first = new Magmad(t, [...start, '-k', 'm4gm4s3cr3t']);
  await first.line(/others on this machine could see the key/);
  await first.line(/^ready$/);
  const shown = readFileSync(`/proc/${first.child.pid}/cmdline`, 'latin1');
  t.notMatch(shown, /m4gm4s3cr3t/, 'ps does not show it');
  first.child.kill('SIGTERM');
  await first.ended;
  const other = new Magmad(t, start, { MAGMA_KEY: 'another' });
  t.equal(await other.ended, 2);
  t.match(other.log, /this is not the key of the network/);
  const same = new Magmad(t, start, { MAGMA_KEY: 'm4gm4s3cr3t' });
  await same.line(/^ready$/);
  t.notMatch(first.log + other.log + same.log, /m4gm4s3cr3t/);
});

t.test('a port that is taken is named, with the cure', async (t) => {
  const dir = scratch(t);
  const port = await freePort();
  const flags = ['--nfs-port', `${port}`, '--mount-port', '0', '--portmap', 'off', '-i', '127.0.0.1'];
  const first = new Magmad(t, ['-b', '-d', join(dir, 'one'), ...flags]);
  await first.line(/^ready$/);
  const second = new Magmad(t, ['-b', '-d', join(dir, 'two'), ...flags]);
  t.equal(await second.ended, 1);
  t.match(second.log, new RegExp(`cannot listen on port ${port}: another program listens there. Cure: .*--nfs-port`));
});

t.test('each debug channel has something to say', async (t) => {
  const magmad = new Magmad(t, ['-b', '-d', join(scratch(t), 'data'), '-D', 'fsnrmaV', ...ANY_PORTS]);
  const { mountPort, nfsPort } = await magmad.line(/^ready$/);
  const mounts = await UdpWire.open(mountPort as number);
  const wire = await UdpWire.open(nfsPort as number);
  t.teardown(() => [mounts.close(), wire.close()]);
  const root = await mount(mounts, '/');
  await wire.call({ ...NFS, xid: wire.nextXid(), procedure: 1, args: root, credential: unixCredential(0, 0) });
  await wire.call({ program: 4711, version: 1, xid: 1, procedure: 0, args: Buffer.alloc(0) });
  await magmad.line(/^4711\.1\.0$/);
  const rooms = new Set(magmad.lines.filter(({ level }) => level === 'debug').map(({ room }) => room as string));
  t.same([...rooms].sort(), ['acl', 'flare', 'mountd', 'nfs2', 'rpc', 'sql', 'volcano']);
});

t.test('-D n logs NFS calls and -D m mounts, one line a call, and nothing else at that level', async (t) => {
  const magmad = new Magmad(t, ['-b', '-d', join(scratch(t), 'data'), '-D', 'm', ...ANY_PORTS]);
  const port = (await magmad.line(/^ready$/)).mountPort as number;
  t.ok(await mountable(port, '/'));
  t.match(await magmad.line(/^MNT$/), { level: 'debug', room: 'mountd', outcome: 'SUCCESS', client: '127.0.0.1' });
  t.same([...new Set(magmad.lines.filter(({ level }) => level === 'debug').map(({ room }) => room))], ['mountd']);
});

captured.judge(5);
