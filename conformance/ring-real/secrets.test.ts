import { randomBytes } from 'node:crypto';
import { connect as plainConnect } from 'node:net';
import { connect } from 'node:tls';
import t from 'tap';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { record, UdpWire } from '../lib/wire.ts';
import { mount, Nfs2Wire } from '../lib/wire-nfs2.ts';
import { at, KEY, magma, scratch, startVolcano } from './lib/ring.ts';

/** A call of NULL of some program: it has no arguments, and every server would answer it. */
function nullCall(program: number): Buffer {
  const words = [1, 0, 2, program, 1, 0, 0, 0, 0, 0];
  return record(Buffer.concat(words.map((word) => Buffer.from(new Uint32Array([word]).buffer).swap32())));
}

const FLARE = 0x2a6d0001;
const NODE = 0x2a6d0002;

interface Heard {
  /** The handshake came to its end. */
  readonly secured: boolean;
  /** What came after it. */
  readonly bytes: Buffer;
  readonly error: string | null;
}

/** Shakes hands under an identity and a key, calls NULL, and hears what comes until the other side is done, or has answered. */
function ask(port: number, program: number, identity: string, psk: Buffer, older = false): Promise<Heard> {
  return new Promise((resolve) => {
    let secured = false;
    let error: string | null = null;
    let bytes = Buffer.alloc(0);
    const socket = connect({
      ...{ host: '127.0.0.1', port, ciphers: older ? 'PSK-AES128-GCM-SHA256:@SECLEVEL=0' : 'TLS_AES_128_GCM_SHA256' },
      ...(older ? { maxVersion: 'TLSv1.2' as const } : { minVersion: 'TLSv1.3' as const }),
      pskCallback: () => ({ identity, psk }),
      checkServerIdentity: () => undefined,
    });
    socket.on('secureConnect', () => {
      secured = true;
      socket.write(nullCall(program));
    });
    socket.on('data', (data: Buffer) => {
      bytes = Buffer.concat([bytes, data]);
      // A reply's record is whole with its first bytes here.
      socket.end();
    });
    socket.on('error', (problem) => {
      error = (problem as { code?: string }).code ?? problem.message;
    });
    socket.on('close', () => resolve({ secured, bytes, error }));
  });
}

/** What comes on a connection without TLS after these bytes. */
function plain(port: number, sent: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const socket = plainConnect(port, '127.0.0.1', () => socket.write(sent));
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, data]);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(bytes));
  });
}

t.test(
  'who lacks the key gets no answer beyond the handshake, of either program; a client’s secret opens the flare program and not the node program (DESIGN.md, Secrets)',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const first = await startVolcano(t, scratch(t), { nickname: 'wallace' });
    const { flarePort, nodePort, volcano } = first;
    const printed = await magma(['key', 'client', '--json', ...at(first)]);
    t.equal(printed.status, 0, printed.stderr);
    const { networkId, client } = JSON.parse(printed.stdout) as { networkId: string; client: string };
    const parts = client.split('/');
    const [keyId, clientHex] = [parts[3]!, parts[6]!];
    const clientKey = Buffer.from(clientHex, 'hex');
    const asClient = `magma/2/client/${networkId}/${keyId}//1`;
    const named = await magma(['key', 'client', '--json', ...at(first), 'laptop']);
    const laptopKey = Buffer.from((JSON.parse(named.stdout) as { client: string }).client.split('/')[6]!, 'hex');
    t.notOk(laptopKey.equals(clientKey), 'a client with a name has a key of its own');
    const asLaptop = `magma/2/client/${networkId}/${keyId}/laptop/1`;
    t.ok((await ask(flarePort, FLARE, asLaptop, laptopKey)).secured);

    const known = await ask(flarePort, FLARE, asClient, clientKey);
    t.ok(known.secured && known.bytes.length > 0, 'with the client’s secret the flare program answers');
    const identities = [
      ...[asClient, asLaptop, `magma/2/volcano/${networkId}/${keyId}`, `magma/2/client/${networkId}/${keyId}/laptop/2`],
      ...[`magma/1/volcano/${networkId}`, `magma/1/client/${networkId}`, 'magma/1/joiner', 'magma/1/root', ''],
    ];
    for (const [port, program] of [[flarePort, FLARE] as const, [nodePort, NODE] as const]) {
      for (const identity of identities) {
        for (const key of [randomBytes(32), Buffer.from(KEY), ...(identity === asClient ? [] : [clientKey])]) {
          const heard = await ask(port, program, identity, key);
          t.ok(!heard.secured && heard.error !== null, `${program.toString(16)}: ${identity}: ${heard.error}`);
          t.equal(heard.bytes.length, 0);
        }
      }
      const old = await ask(port, program, asClient, clientKey, true);
      t.match(old, { secured: false, bytes: { length: 0 } }, 'an older TLS is none');
      const alert = await plain(port, nullCall(program));
      t.ok(
        alert.length === 0 || (alert[0] === 21 && alert.length <= 7),
        'to bytes that are no TLS there is an alert at most',
      );
    }
    const node = await ask(nodePort, NODE, asClient, clientKey);
    t.notOk(node.secured, 'the client’s secret does not open the node program');

    const wire = await UdpWire.open(volcano.nfsPort);
    const mountWire = await UdpWire.open(volcano.mountPort);
    const nfs = new Nfs2Wire(wire);
    const dht = (await nfs.ok('LOOKUP', await mount(mountWire, '/'), '.dht')).handle!;
    let texts = '';
    for (const name of (await nfs.list(dht)).keys()) {
      if (name === '.' || name === '..') continue;
      const { handle } = await nfs.ok('LOOKUP', dht, name);
      texts += (await nfs.ok('READ', handle!, 0, 8192)).data!.toString('latin1');
    }
    t.match(texts, /nickname = wallace/);
    wire.close();
    mountWire.close();
    await volcano.stop();
    const told = volcano.log + texts;
    t.match(told, /no network key was proved/, 'a refused connection is told in the log');
    for (const secret of [KEY, clientHex, clientKey.toString('base64'), laptopKey.toString('hex')])
      t.notOk(told.includes(secret), 'no secret is in the log or in /.dht/');
  },
);
