import t from 'tap';
import { messages } from '../testing/datagrams.ts';
import { virtualNetwork } from '../testing/virtual-network.ts';
import type { LinkConditions } from './faults.ts';

const COUNT = 2000;

/** The numbers that arrive of `COUNT` datagrams, one a millisecond. */
async function arrivals(conditions: Partial<LinkConditions>): Promise<number[]> {
  const { time, network, near, far } = virtualNetwork(9);
  network.faults.set(conditions);
  const server = await far.bindDatagram([], 111);
  const client = await near.bindDatagram([], 0);
  const seen: number[] = [];
  server.onMessage((data) => seen.push(data.readUInt32BE(0)));
  for (let n = 0; n < COUNT; n++) {
    const data = Buffer.alloc(4);
    data.writeUInt32BE(n);
    client.send(data, { address: '10.0.0.2', port: 111 });
    await time.run(1);
  }
  await time.run(1000);
  return seen;
}

t.test('a fair link delivers all datagrams once and in order', async (t) => {
  t.same(
    await arrivals({}),
    Array.from({ length: COUNT }, (_, n) => n),
  );
});

t.test('loss, duplicates, reordering: about as often as was asked for', async (t) => {
  const lost = await arrivals({ loss: 0.2 });
  t.ok(lost.length > 0.75 * COUNT && lost.length < 0.85 * COUNT, `${lost.length} arrived`);
  const doubled = await arrivals({ duplicate: 0.2 });
  t.ok(doubled.length > 1.15 * COUNT && doubled.length < 1.25 * COUNT, `${doubled.length} arrived`);
  t.equal(new Set(doubled).size, COUNT);
  const late = await arrivals({ late: 0.1, lateMs: 5 });
  const overtaken = late.filter((n, at) => at > 0 && n < late[at - 1]!).length;
  t.equal(new Set(late).size, COUNT);
  t.ok(overtaken > 0.05 * COUNT, `${overtaken} came after a later one`);
});

t.test('partitions between sets of hosts, one way too; links with conditions of their own', async (t) => {
  const { time, network, near, far } = virtualNetwork();
  const [left, right] = [await near.bindDatagram([], 5), await far.bindDatagram([], 5)];
  const got: string[] = [];
  left.onMessage((data) => got.push(`left ${data}`));
  right.onMessage((data) => got.push(`right ${data}`));
  const exchange = async (): Promise<string[]> => {
    left.send(Buffer.from('x'), { address: 'fd00::2', port: 5 });
    right.send(Buffer.from('y'), { address: '10.0.0.1', port: 5 });
    await time.run(10);
    return got.splice(0).sort();
  };
  t.same(await exchange(), ['left y', 'right x']);
  const heal = network.faults.partition(['a'], ['b']);
  t.same(await exchange(), []);
  const healOther = network.faults.partition(['a', 'c'], ['b'], { oneWay: true });
  heal();
  t.same(await exchange(), ['left y']);
  healOther();
  t.same(await exchange(), ['left y', 'right x']);
  network.faults.setLink('b', 'a', { loss: 1 });
  t.same(await exchange(), ['right x']);
  network.faults.clear();
  t.same(await exchange(), ['left y', 'right x']);
});

t.test('addresses: a datagram comes to the address it was sent to, and its answer leaves from there', async (t) => {
  const { time, network, near } = virtualNetwork();
  const both = network.host('both', ['10.0.0.3', '10.0.0.4', 'fd00::3']).process(time.clock());
  const server = await both.bindDatagram([], 53);
  const client = await near.bindDatagram([], 0);
  const next = messages(client);
  server.onMessage((data, from, to) => server.send(data, from, to));
  for (const address of ['10.0.0.4', '10.0.0.3', 'fd00::3']) {
    client.send(Buffer.from(address), { address, port: 53 });
    const answer = await time.settle(next(), 100);
    t.same([answer.data, answer.from], [address, { address, port: 53 }]);
  }
  await t.rejects(both.bindDatagram(['10.0.0.3'], 53), { code: 'EADDRINUSE' });
  await t.rejects(both.bindDatagram(['10.0.0.1'], 0), { code: 'EADDRNOTAVAIL' });
  await t.rejects(both.bindDatagram(['::', '10.0.0.3'], 0), /either on all/);
  const some = await both.bindDatagram(['10.0.0.3', '::ffff:10.0.0.4', 'fd00::3'], 0);
  t.equal(new Set(some.local.map((one) => one.port)).size, 1);
  t.same(
    some.local.map((one) => one.address),
    ['10.0.0.3', '10.0.0.4', 'fd00::3'],
  );
  await server.close();
  client.send(Buffer.from('nobody'), { address: '10.0.0.4', port: 53 });
  t.equal(await time.runUntilIdle(1000), true);
  await (await both.bindDatagram(['10.0.0.3'], 53)).close();
});

t.test('sending never throws; bytes are those of the moment of sending; the dead neither hear nor speak', async (t) => {
  const { time, near, far, b } = virtualNetwork();
  const [left, right] = [await near.bindDatagram([], 5), await far.bindDatagram([], 5)];
  const got: string[] = [];
  left.onMessage((data) => got.push(data.toString()));
  right.onMessage((data) => got.push(data.toString()));
  const to = { address: '10.0.0.2', port: 5 };
  t.doesNotThrow(() => {
    left.send(Buffer.alloc(70_000), to);
    left.send(Buffer.alloc(1), { address: '10.0.0.2', port: 0 });
    left.send(Buffer.alloc(1), { address: 'nonsense', port: 5 });
    left.send(Buffer.alloc(1), { address: '10.1.1.1', port: 5 });
  });
  const data = Buffer.from('then');
  left.send(data, to);
  data.fill(0);
  await time.run(10);
  t.same(got.splice(0), ['then']);
  left.send(Buffer.from('under way'), to);
  far.kill();
  right.send(Buffer.from('from the grave'), { address: '10.0.0.1', port: 5 });
  await time.run(10);
  t.same(got, []);
  const next = await b.process(time.clock()).bindDatagram([], 5);
  const heard = messages(next);
  left.send(Buffer.from('again'), to);
  t.equal((await time.settle(heard(), 10)).data, 'again');
});
