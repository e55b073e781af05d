import t from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { type CallContext, DROP, type Procedure, type Program } from '../program.ts';
import { fromLinked } from '../xdr/linked.ts';
import { FORWARDED_MAX, type Forwarded } from './callit.ts';
import { portmapProgram } from './program.ts';
import { commonCodecs } from './schema.ts';
import { LOOKUPS_MAX } from './statistics.ts';
import { OWN, PortmapTable, TABLE_MAX } from './table.ts';

const NFS = { program: 100003, version: 2 };

function call(options: { from?: string; port?: number; to?: string; transport?: 'udp' | 'tcp' } = {}): CallContext {
  const { from = '127.0.0.1', port = 700, to = '127.0.0.1', transport = 'udp' } = options;
  const credential = { flavor: 'none' } as const;
  const server = { address: to, port: 111 };
  return { transport, client: { address: from, port }, server, xid: 1, credential, replayIdentity: () => '' };
}

/** Calls a procedure as the wire would: arguments and results go through their codecs. */
function house(forwarded: readonly Forwarded[] = []) {
  const table = new PortmapTable();
  const program = portmapProgram(table, manualClock(1_600_000_000_000_000), forwarded);
  function ask(version: number, name: string, args?: unknown, context = call()): any {
    const procedure = [...program.versions.get(version)!.values()].find((one) => one.name === name)!;
    const result = procedure.handle(procedure.arguments.decode(procedure.arguments.encode(args)), context);
    return result === DROP ? DROP : procedure.result.decode(procedure.result.encode(result));
  }
  return { table, ask };
}

const pmap = (protocol: number, port = 0, of = NFS) => ({ ...of, protocol, port });
const rpcb = (netid = '', address = '', of = NFS) => ({
  ...of,
  netid: Buffer.from(netid),
  address: Buffer.from(address),
  owner: Buffer.from('whoever'),
});

t.test('v2: SET, GETPORT, DUMP, UNSET (RFC 1833 §3.2)', async (t) => {
  const { ask } = house();
  t.equal(ask(2, 'GETPORT', pmap(17)), 0, '0: not registered');
  t.equal(ask(2, 'SET', pmap(17, 2049)), true);
  t.equal(ask(2, 'SET', pmap(17, 2050)), false, 'it is registered already');
  t.equal(ask(2, 'SET', pmap(6, 2051)), true);
  t.equal(ask(2, 'GETPORT', pmap(17, 99)), 2049, 'the port in the argument is ignored');
  t.equal(ask(2, 'GETPORT', pmap(6)), 2051);
  t.equal(ask(2, 'GETPORT', pmap(132)), 0);
  t.same(
    fromLinked<any>(ask(2, 'DUMP')).map(({ program, version, protocol, port }) => [program, version, protocol, port]),
    [
      [100003, 2, 17, 2049],
      [100003, 2, 6, 2051],
    ],
  );
  t.equal(ask(2, 'UNSET', pmap(0)), true, 'protocol and port are ignored');
  t.equal(ask(2, 'DUMP'), null);
  t.equal(ask(2, 'UNSET', pmap(0)), false);
});

t.test(
  'v2: a version that is not there is answered with the port of another, which says PROG_MISMATCH (FIELD.md row 12)',
  async (t) => {
    const { ask } = house();
    ask(2, 'SET', pmap(17, 20048, { program: 100005, version: 1 }));
    t.equal(ask(2, 'GETPORT', pmap(17, 0, { program: 100005, version: 3 })), 20048);
    t.equal(ask(2, 'GETPORT', pmap(6, 0, { program: 100005, version: 3 })), 0, 'but not over another protocol');
  },
);

t.test('v2: ports and protocols that are none are not registered', async (t) => {
  const { ask } = house();
  for (const wrong of [pmap(17, 0), pmap(17, 65536), pmap(6, 0xffffffff), pmap(0, 111)])
    t.equal(ask(2, 'SET', wrong), false);
});

t.test('only callers on this machine register and remove (RFC 1833 §2.2.1)', async (t) => {
  const { ask, table } = house();
  for (const far of [call({ from: '10.0.0.9' }), call({ to: '10.0.0.1' }), call({ from: 'fd00::1', to: 'fd00::2' })]) {
    t.equal(ask(2, 'SET', pmap(17, 2049), far), false);
    t.equal(ask(3, 'SET', rpcb('udp', '0.0.0.0.8.1'), far), false);
    t.equal(ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1'), far), false);
  }
  ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1'));
  t.equal(ask(2, 'UNSET', pmap(0), call({ from: '10.0.0.9' })), false);
  t.equal(ask(4, 'UNSET', rpcb(), call({ from: '10.0.0.9' })), false);
  t.equal(table.list().length, 1);
  t.equal(ask(4, 'UNSET', rpcb(), call({ from: '::1', to: '::1' })), true);
});

t.test(
  'who has no port below 1024 removes only what such callers registered; nobody removes magma’s own',
  async (t) => {
    const { ask, table } = house();
    const user = call({ port: 5000 });
    ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1'));
    ask(4, 'SET', rpcb('tcp', '0.0.0.0.8.1'), user);
    const endpoint = { address: '::', port: 2049 };
    table.set({ ...NFS, netid: 'tcp6', endpoint, owner: OWN });
    t.equal(ask(4, 'UNSET', rpcb(), user), true);
    t.same(
      table.list().map(({ netid }) => netid),
      ['udp', 'tcp6'],
    );
    t.equal(ask(4, 'UNSET', rpcb()), true);
    t.equal(ask(4, 'UNSET', rpcb('tcp6')), false);
    t.same(
      table.list().map(({ netid }) => netid),
      ['tcp6'],
    );
  },
);

t.test('v3 and v4: SET wants a transport and an address that fit', async (t) => {
  const { ask } = house();
  for (const [netid, address] of [
    ['', '0.0.0.0.8.1'],
    ['local', '/run/x.sock'],
    ['udp', '::.8.1'],
    ['udp6', '0.0.0.0.8.1'],
    ['udp', '0.0.0.0.0.0'],
    ['udp', 'junk'],
  ])
    t.equal(ask(4, 'SET', rpcb(netid, address)), false, `${netid} ${address}`);
});

t.test(
  'GETADDR answers with the address that the request came to, by the transport it came by (RFC 1833 §2.2.1)',
  async (t) => {
    const { ask } = house();
    for (const [netid, address] of [
      ['udp', '0.0.0.0.8.1'],
      ['tcp', '192.0.2.7.8.2'],
      ['udp6', '::.8.3'],
    ])
      ask(3, 'SET', rpcb(netid, address));
    const getaddr = (version: number, context: CallContext) => String(ask(version, 'GETADDR', rpcb('tcp'), context));
    for (const version of [3, 4]) {
      t.equal(getaddr(version, call({ to: '192.168.7.1' })), '192.168.7.1.8.1', 'the netid in the argument is ignored');
      t.equal(getaddr(version, call({ to: 'fd00::9' })), 'fd00::9.8.3');
      t.equal(getaddr(version, call({ transport: 'tcp' })), '192.0.2.7.8.2', 'registered for that address alone');
      t.equal(getaddr(version, call({ transport: 'tcp', to: 'fd00::9' })), '', 'not registered');
    }
    t.equal(
      String(ask(4, 'GETADDR', rpcb('', '', { ...NFS, version: 9 }))),
      '127.0.0.1.8.1',
      'another version will do',
    );
    t.equal(String(ask(4, 'GETVERSADDR', rpcb('', '', { ...NFS, version: 9 }))), '', 'here it will not');
    t.equal(String(ask(4, 'GETVERSADDR', rpcb())), '127.0.0.1.8.1');
  },
);

t.test('v4: GETADDRLIST lists what the caller can reach', async (t) => {
  const { ask } = house();
  for (const [netid, address] of [
    ['udp', '0.0.0.0.8.1'],
    ['tcp', '0.0.0.0.8.1'],
    ['udp6', '::.8.1'],
    ['tcp6', 'fd00::5.8.1'],
  ])
    ask(4, 'SET', rpcb(netid, address));
  const shown = fromLinked<any>(ask(4, 'GETADDRLIST', rpcb(), call({ to: '10.0.0.1' })));
  t.same(
    shown.map(({ address, netid, semantics, family, proto }) => [address, netid, semantics, family, proto].join(' ')),
    ['10.0.0.1.8.1 udp 1 inet udp', '10.0.0.1.8.1 tcp 3 inet tcp', 'fd00::5.8.1 tcp6 3 inet6 tcp'],
  );
});

t.test('v3 and v4: DUMP lists all transports; v2’s only those of IPv4', async (t) => {
  const { ask } = house();
  ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1'));
  ask(4, 'SET', rpcb('tcp6', '::.8.1'), call({ port: 5000 }));
  t.same(
    fromLinked<any>(ask(3, 'DUMP')).map(({ netid, address, owner }) => `${netid} ${address} ${owner}`),
    ['udp 0.0.0.0.8.1 superuser', 'tcp6 ::.8.1 unknown'],
  );
  t.equal(fromLinked(ask(2, 'DUMP')).length, 1);
});

t.test('GETTIME is in seconds; addresses are translated both ways', async (t) => {
  const { ask } = house();
  t.equal(ask(3, 'GETTIME'), 1_600_000_000);
  const taddr = ask(4, 'UADDR2TADDR', Buffer.from('10.0.0.1.8.1'));
  t.match(taddr, { maxlen: 16 });
  t.equal(String(ask(4, 'TADDR2UADDR', taddr)), '10.0.0.1.8.1');
});

t.test(
  'CALLIT and BCAST are silent, INDIRECT is denied: nothing is forwarded unless it is told (RFC 1833 §2.2.1, §3.2)',
  async (t) => {
    const { ask } = house();
    const args = { ...NFS, procedure: 0, args: Buffer.alloc(8) };
    t.equal(ask(2, 'CALLIT', args), DROP);
    t.equal(ask(3, 'CALLIT', args), DROP);
    t.equal(ask(4, 'BCAST', args), DROP);
    t.throws(() => ask(4, 'INDIRECT', args), { message: 'AUTH_ERROR 5' });
  },
);

t.test(
  'CALLIT and BCAST call the programs that are told, for callers that are allowed, over UDP (FIELD.md row 25)',
  async (t) => {
    const { uint32, text, void: none } = commonCodecs;
    const seen: string[] = [];
    const procedure = (name: string, handle: Procedure<any, any>['handle']): Procedure<any, any> => ({
      ...{ name, arguments: uint32, result: text, handle },
    });
    const program: Program = {
      ...{ number: 100026, name: 'test' },
      versions: new Map([
        [
          1,
          new Map<number, Procedure<any, any>>([
            [0, { name: 'NULL', arguments: none, result: none, handle: () => undefined }],
            [1, procedure('ECHO', (args, { client }) => Buffer.from(`${seen.push(client.address)} ${args}`))],
            [2, procedure('SILENT', () => DROP)],
            [3, procedure('LATE', async () => Buffer.from('late'))],
            [4, { ...procedure('LONG', () => Buffer.from('long')), arguments: commonCodecs.callit }],
          ]),
        ],
      ]),
    };
    const { ask, table } = house([{ program, allows: (address) => address.startsWith('10.') }]);
    const asked = (number: number, args: Buffer, of = 100026, version = 1) => ({
      program: of,
      version,
      procedure: number,
      args,
    });
    const echo = asked(1, uint32.encode(7));
    const long = (bytes: number): Buffer => commonCodecs.callit.encode({ ...asked(0, Buffer.alloc(bytes - 16)) });
    const near = call({ from: '10.0.0.9', to: '10.0.0.1' });
    t.equal(ask(2, 'CALLIT', echo, near), DROP, 'it is not registered');
    const endpoint = { address: '0.0.0.0', port: 777 };
    for (const netid of ['udp', 'tcp'] as const)
      table.set({ program: 100026, version: 1, netid, endpoint, owner: OWN });
    const { port, results } = ask(2, 'CALLIT', echo, near);
    t.same([port, String(text.decode(results))], [777, '1 7']);
    for (const [version, name] of [
      [3, 'CALLIT'],
      [4, 'BCAST'],
    ] as const) {
      const { address, results } = ask(version, name, echo, near);
      t.same([String(address), String(text.decode(results)).slice(-1)], ['10.0.0.1.3.9', '7']);
    }
    t.equal(ask(2, 'CALLIT', asked(0, Buffer.alloc(0)), near).results.length, 0, 'NULL');
    t.equal(ask(2, 'CALLIT', asked(4, long(FORWARDED_MAX)), near).port, 777);
    t.same(seen, ['10.0.0.9', '10.0.0.9', '10.0.0.9'], 'the program sees who has asked');
    const silent: [string, unknown, CallContext][] = [
      ['another network', echo, call({ from: '192.0.2.9', to: '10.0.0.1' })],
      ['TCP', echo, call({ from: '10.0.0.9', to: '10.0.0.1', transport: 'tcp' })],
      ['another program', asked(1, uint32.encode(7), NFS.program, 2), near],
      ['another version', asked(1, uint32.encode(7), 100026, 2), near],
      ['no such procedure', asked(9, uint32.encode(7)), near],
      ['arguments that are none', asked(1, Buffer.alloc(3)), near],
      ['arguments that are too long', asked(4, long(FORWARDED_MAX + 4)), near],
      ['a procedure that is silent', asked(2, uint32.encode(7)), near],
      ['one that does not answer at once', asked(3, uint32.encode(7)), near],
    ];
    for (const [what, args, context] of silent) t.equal(ask(2, 'CALLIT', args, context), DROP, what);
    t.equal(seen.length, 3);
  },
);

t.test('v4: GETSTAT counts, by version (RFC 1833 §2.1)', async (t) => {
  const { ask } = house();
  ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1'));
  ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1'));
  ask(2, 'GETPORT', pmap(17));
  ask(2, 'GETPORT', pmap(17, 0, { program: 1, version: 1 }));
  ask(3, 'UNSET', rpcb());
  const [two, three, four] = ask(4, 'GETSTAT');
  t.equal(two.info[3], 2);
  t.same(
    fromLinked<any>(two.addrinfo).map((one) => [one.program, one.success, one.failure, String(one.netid)]),
    [
      [100003, 1, 0, 'udp'],
      [1, 0, 1, 'udp'],
    ],
  );
  t.equal(three.unsetinfo, 1);
  t.equal(four.info[1], 2);
  t.equal(four.info[12], 1);
  t.equal(four.setinfo, 1, 'only those that succeeded');
});

t.test(
  'bounds: registrations (TABLE_MAX), counted look-ups (LOOKUPS_MAX); a full DUMP fits one datagram',
  async (t) => {
    const { ask, table } = house();
    for (let program = 0; program < TABLE_MAX; program++)
      t.ok(ask(4, 'SET', rpcb('udp6', 'fd00:1111:2222:3333:4444:5555:6666:7777.255.255', { program, version: 1 })));
    t.equal(ask(4, 'SET', rpcb('udp', '0.0.0.0.8.1')), false);
    t.equal(table.list().length, TABLE_MAX);
    const dump = [...portmapProgram(table, manualClock()).versions.get(4)!.values()][4]!;
    t.ok(dump.result.encode(dump.handle(undefined, call())).length < 60_000);
    for (let program = 0; program < LOOKUPS_MAX + 10; program++)
      ask(2, 'GETPORT', pmap(17, 0, { program, version: 1 }));
    t.equal(fromLinked(ask(4, 'GETSTAT')[0].addrinfo).length, LOOKUPS_MAX);
  },
);
