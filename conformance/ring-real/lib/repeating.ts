import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { encodeCall, TcpWire, UdpWire, type Wire } from '../../lib/wire.ts';
import { argsOf, mount, NFS, Nfs2Wire, Proc, type ProcName } from '../../lib/wire-nfs2.ts';

/*
 * A process that makes changes at an address, over UDP and TCP, waits for a line on standard input, and sends them again, byte for byte, wherever that address is by then; meanwhile
 * it removes and renames, and sends that again and again until it is answered. Called with the address; writes `told`, and at the end, as JSON, what was not as it should be.
 */

const PATIENCE = { retransmitMs: 300, transmissions: 200 };
/** Calls of each kind that are under way, one after the other, while the address moves. */
const MEANWHILE = 15;

interface Told {
  readonly label: string;
  readonly xid: number;
  readonly bytes: Buffer;
  readonly results: Buffer;
}

const [address = ''] = process.argv.slice(2);
const wrong: string[] = [];
let repeated = 0;

async function connected(): Promise<TcpWire> {
  for (;;) {
    try {
      return await TcpWire.open(2049, address);
    } catch {
      // The address is nowhere at the moment.
      await new Promise((resolve) => setTimeout(resolve, PATIENCE.retransmitMs));
    }
  }
}

/** A wire over TCP does not come back: the call is sent over another connection, as clients do, with the same number. */
class Caller {
  #wire: Wire;
  readonly overTcp: boolean;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.overTcp = wire instanceof TcpWire;
  }

  nextXid(): number {
    return this.#wire.nextXid();
  }

  async send(xid: number, bytes: Buffer): Promise<Buffer> {
    for (;;) {
      try {
        const reply = await this.#wire.exchange(
          xid,
          bytes,
          this.overTcp ? { retransmitMs: 2_000, transmissions: 2 } : PATIENCE,
        );
        if (reply.denied) throw new Error('denied');
        return Buffer.from(reply.results);
      } catch (error) {
        if (!this.overTcp || (error as Error).message === 'denied') throw error;
        const { nextXid } = this.#wire;
        const before = this.#wire;
        before.close();
        this.#wire = await connected();
        this.#wire.nextXid = nextXid.bind(before);
      }
    }
  }

  async make(name: ProcName, label: string, args: Buffer): Promise<Told> {
    const xid = this.nextXid();
    const bytes = encodeCall({ ...NFS, xid, procedure: Proc[name], args });
    return {
      label: `${this.overTcp ? 'TCP' : 'UDP'}: ${name} ${label}`,
      xid,
      bytes,
      results: await this.send(xid, bytes),
    };
  }

  close(): void {
    this.#wire.close();
  }
}

/** What is repeated later; what each has done is undone or overtaken, so that a call that was made anew would have another answer or leave a trace. */
async function prepare(caller: Caller, nfs: Nfs2Wire, home: Buffer): Promise<Told[]> {
  const file = async (name: string): Promise<Buffer> => (await nfs.ok('CREATE', home, name, { mode: 0o644 })).handle!;
  const told: Told[] = [];
  const tell = async (name: ProcName, label: string, args: Buffer): Promise<void> => {
    const one = await caller.make(name, label, args);
    if (one.results.readUInt32BE(0) !== 0) wrong.push(`${one.label}: status ${one.results.readUInt32BE(0)} at first`);
    told.push(one);
  };
  const data = await file('data');
  await tell('CREATE', 'of what has been removed since', argsOf.CREATE(home, 'created', { mode: 0o640 }));
  await nfs.ok('REMOVE', home, 'created');
  await tell('MKDIR', 'of what has been removed since', argsOf.MKDIR(home, 'made', { mode: 0o750 }));
  await nfs.ok('RMDIR', home, 'made');
  await file('removed');
  await tell('REMOVE', 'of what has been made again', argsOf.REMOVE(home, 'removed'));
  await file('removed');
  await nfs.ok('MKDIR', home, 'gone', { mode: 0o755 });
  await tell('RMDIR', 'of what is gone', argsOf.RMDIR(home, 'gone'));
  await file('from');
  await tell('RENAME', 'of what has come again', argsOf.RENAME(home, 'from', home, 'to'));
  await file('from');
  await tell('LINK', 'under a name that has been removed', argsOf.LINK(data, home, 'link'));
  await nfs.ok('REMOVE', home, 'link');
  await tell('SYMLINK', 'that has been removed', argsOf.SYMLINK(home, 'symlink', 'data'));
  await nfs.ok('REMOVE', home, 'symlink');
  await tell('WRITE', 'that has been written over', argsOf.WRITE(data, 0, Buffer.from('first')));
  await nfs.ok('WRITE', data, 0, Buffer.from('newer'));
  await tell('SETATTR', 'of a size that is another one now', argsOf.SETATTR(data, { size: 2 }));
  await nfs.ok('WRITE', data, 0, Buffer.from('newer'));
  for (let n = 0; n < MEANWHILE; n++) {
    await file(`remove-${n}`);
    await file(`rename-${n}`);
  }
  return told;
}

const mounts = await UdpWire.open(20048, address);
const root = await mount(mounts, '/');
mounts.close();
const udp = await UdpWire.open(2049, address);
const nfs = new Nfs2Wire(udp, { patience: PATIENCE });
const callers = [new Caller(udp), new Caller(await connected())];
const work: { readonly caller: Caller; readonly home: Buffer; readonly told: readonly Told[] }[] = [];
for (const caller of callers) {
  const home = (await nfs.ok('MKDIR', root, caller.overTcp ? 'tcp' : 'udp', { mode: 0o755 })).handle!;
  work.push({ caller, home, told: await prepare(caller, nfs, home) });
}

process.stdout.write('told\n');
const lines = createInterface({ input: process.stdin });
await once(lines, 'line');

await Promise.all(
  work.map(async ({ caller, home }) => {
    for (let n = 0; n < MEANWHILE; n++) {
      const calls = [
        await caller.make('REMOVE', `of number ${n} while the address moves`, argsOf.REMOVE(home, `remove-${n}`)),
        await caller.make('RENAME', `of number ${n}`, argsOf.RENAME(home, `rename-${n}`, home, `renamed-${n}`)),
        await caller.make('CREATE', `of number ${n}`, argsOf.CREATE(home, `create-${n}`, { mode: 0o600 })),
      ];
      for (const { label, results } of calls)
        if (results.readUInt32BE(0) !== 0) wrong.push(`${label}: status ${results.readUInt32BE(0)}`);
    }
  }),
);
for (const { caller, told, home } of work) {
  const before = [...(await nfs.list(home)).keys()].sort();
  for (const { label, xid, bytes, results } of told) {
    repeated += 1;
    const again = await caller.send(xid, bytes);
    if (!again.equals(results)) wrong.push(`${label}: ${again.toString('hex')} in place of ${results.toString('hex')}`);
  }
  const after = [...(await nfs.list(home)).keys()].sort();
  if (after.join() !== before.join()) wrong.push(`names are ${after.join()}, and were ${before.join()}`);
  const { handle } = await nfs.ok('LOOKUP', home, 'data');
  const { data } = await nfs.ok('READ', handle!, 0, 100);
  if (data!.toString() !== 'newer') wrong.push(`the file reads ${data}`);
}
for (const caller of callers) caller.close();
lines.close();
process.stdout.write(`${JSON.stringify({ repeated, wrong })}\n`);
