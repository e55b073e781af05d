import { UdpWire } from '../../lib/wire.ts';
import { mount, Nfs2Wire } from '../../lib/wire-nfs2.ts';

/*
 * An NFSv2 client in the network namespace that it is run in. Reads from standard input whom to ask, which files to make, and which are to be there; says how long the longest call took.
 */

interface Asked {
  readonly address: string;
  readonly nfsPort: number;
  readonly mountPort: number;
  readonly made: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, string>>;
}

let text = '';
for await (const chunk of process.stdin) text += chunk;
const { address, nfsPort, mountPort, made, expected }: Asked = JSON.parse(text);
const mountWire = await UdpWire.open(mountPort, address);
const wire = await UdpWire.open(nfsPort, address);
const nfs = new Nfs2Wire(wire, { patience: { transmissions: 120 } });
const mounting = performance.now();
const root = await mount(mountWire, '/');
let longest = performance.now() - mounting;
for (const [name, content] of Object.entries(made)) {
  const began = performance.now();
  const { handle } = await nfs.ok('CREATE', root, name, { mode: 0o644 });
  await nfs.ok('WRITE', handle!, 0, Buffer.from(content));
  longest = Math.max(longest, performance.now() - began);
}
for (const [name, content] of Object.entries({ ...expected, ...made })) {
  const { handle } = await nfs.ok('LOOKUP', root, name);
  const { data } = await nfs.ok('READ', handle!, 0, 8192);
  if (data!.toString() !== content) throw new Error(`${name} holds "${data}", not "${content}"`);
}
mountWire.close();
wire.close();
process.stdout.write(`all is there; ${Math.round(longest)} ms\n`);
