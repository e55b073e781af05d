import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { type CallContext, DROP } from '../rpc/program.ts';
import { type BootClient, clashOf, parseBootClient } from './clients.ts';
import { bootparamProgram } from './program.ts';
import { resolveServers } from './servers.ts';

const b = (text: string): Buffer => Buffer.from(text, 'latin1');
const ip = (text: string) => {
  const [net, host, lh, impno] = text.split('.').map((one) => (Number(one) << 24) >> 24);
  return { type: 1, ip: { net: net!, host: host!, lh: lh!, impno: impno! } };
};
const clientOf = (text: string): BootClient => {
  const client = parseBootClient(text);
  if (typeof client === 'string') throw new Error(client);
  return client;
};

async function house(domain = 'lava.example') {
  const lines: { message: string; client?: string; path?: string; reason?: string }[] = [];
  const note = (fields: object, message: string): void => void lines.push({ message, ...fields });
  const logger = { debug: note, info: note, warn: note, error: note, fatal: note, child: () => logger };
  const clients = [
    clientOf('sun1 192.168.1.40 root=/export/root/sun1 swap=gromit:/export/swap/sun1 dump='),
    clientOf('sun2 192.168.1.41 root=192.168.1.9:/export/root/sun2'),
  ];
  const resolver = { resolve: async (name: string) => (name === 'gromit' ? ['fd00::7', '192.168.1.7'] : []) };
  const program = bootparamProgram({
    ...{
      clients,
      servers: await resolveServers(clients, resolver, 'x'),
      domain,
      router: domain === '' ? null : '192.168.1.1',
    },
    ...{ serverName: 'wallace', allows: (address) => address.startsWith('192.168.1.') },
    ...{ clock: manualClock(), logger },
  });
  function ask(name: string, args?: unknown, client = '192.168.1.40', server = '192.168.1.20'): any {
    const call = { transport: 'udp', client: { address: client, port: 1023 }, server: { address: server, port: 111 } };
    const procedure = [...program.versions.get(1)!.values()].find((one) => one.name === name)!;
    const decoded = procedure.arguments.decode(procedure.arguments.encode(args));
    const result = procedure.handle(decoded, call as CallContext);
    return result === DROP ? DROP : procedure.result.decode(procedure.result.encode(result));
  }
  return { ask, lines };
}

t.test('WHOAMI: name, domain and router of who has the address; silence for others (FIELD.md row 25)', async (t) => {
  const { ask, lines } = await house();
  const { client, domain, router } = ask('WHOAMI', { client: ip('192.168.1.40') });
  t.same([String(client), String(domain)], ['sun1', 'lava.example']);
  t.same(router.ip, { net: 192, host: 168, lh: 1, impno: 1 });
  t.match(lines.at(-1), { message: 'Bootparam WHOAMI', client: '192.168.1.40' });
  t.equal(ask('WHOAMI', { client: ip('192.168.1.99') }), DROP);
  t.match(lines.at(-1), { message: 'Refused', path: '192.168.1.99', reason: /not configured/ });
  t.equal(ask('WHOAMI', { client: ip('192.168.1.40') }, '10.0.0.1'), DROP, 'another network');
  t.match(lines.at(-1), { message: 'Refused', client: '10.0.0.1', reason: /bootparam-network/ });
  const bare = (await house('')).ask('WHOAMI', { client: ip('192.168.1.40') });
  t.same([String(bare.domain), bare.router.ip], ['', { net: 0, host: 0, lh: 0, impno: 0 }]);
});

t.test(
  'GETFILE: here at the address that was asked, or on the server that is named; no dump; silence for others',
  async (t) => {
    const { ask } = await house();
    const file = (client: string, name: string, ...from: string[]): string => {
      const found = ask('GETFILE', { client: b(client), file: b(name) }, ...from);
      if (found === DROP) return 'silence';
      const { net, host, lh, impno } = found.address.ip;
      return `${found.server} ${net}.${host}.${lh}.${impno} ${found.path}`;
    };
    t.equal(file('sun1', 'root'), 'wallace 192.168.1.20 /export/root/sun1');
    t.equal(file('sun1', 'root', '192.168.1.40', '192.168.1.21'), 'wallace 192.168.1.21 /export/root/sun1');
    t.equal(file('sun1', 'swap'), 'gromit 192.168.1.7 /export/swap/sun1');
    t.equal(file('sun2', 'root'), '192.168.1.9 192.168.1.9 /export/root/sun2');
    for (const client of ['sun1', 'sun2']) t.equal(file(client, 'dump'), ' 0.0.0.0 ', 'none: SunOS goes on then');
    for (const [client, name] of [
      ['sun1', 'boot'],
      ['sun3', 'root'],
      ['sun3', 'dump'],
    ] as const)
      t.equal(file(client, name), 'silence');
    t.equal(file('sun1', 'root', '10.0.0.1'), 'silence', 'another network');
    t.equal(file('sun1', 'root', '192.168.1.40', 'fd00::1'), 'silence', 'there is no way to say an IPv6 address');
  },
);

t.test('machines: what is wrong with a line, and between lines, is told', async (t) => {
  for (const [line, fault] of [
    ['', /no name of a machine/],
    ['sun1', /no IPv4 address/],
    ['sun1 fd00::1 root=/x', /no IPv4 address/],
    ['sun1 1.2.3.4', /has no files/],
    ['sun1 1.2.3.4 root', /is no FILE=/],
    ['sun1 1.2.3.4 root=x', /must begin with a \//],
    ['sun1 1.2.3.4 root=a/b:/x', /is no host/],
    ['sun1 1.2.3.4 root=/x root=/y', /root is there twice/],
    [`sun1 1.2.3.4 root=/${'x'.repeat(1024)}`, /too long/],
    [`sun1 1.2.3.4 ${'x'.repeat(33)}=/x`, /is no FILE=/],
  ] as const)
    t.match(parseBootClient(line), fault, line);
  t.equal(clashOf([clientOf('a 1.1.1.1 r=/'), clientOf('b 1.1.1.2 r=/')]), null);
  t.equal(clashOf([clientOf('a 1.1.1.1 r=/'), clientOf('a 1.1.1.2 r=/')]), 'a is there twice');
  t.equal(clashOf([clientOf('a 1.1.1.1 r=/'), clientOf('b 1.1.1.1 r=/')]), '1.1.1.1 is there twice');
  const nowhere = [clientOf('a 1.1.1.1 r=nowhere:/')];
  await t.rejects(resolveServers(nowhere, { resolve: async () => ['fd00::1'] }, '--bootparam'), {
    message: /^--bootparam: nowhere has no IPv4 address/,
  });
});
