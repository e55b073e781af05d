import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import t, { type Test } from 'tap';
import { CLIENTS_OBSERVED_MAX, type ClientObserved, NOTHING_OBSERVED, type Observation } from '../dht/observation.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import { fakeRing } from '../dht/testing/fake-ring.ts';
import type { State } from './api.ts';
import { Events, LINES_MAX, QUEUED_MAX, STATE_MS } from './events.ts';
import { logLine } from './log-lines.ts';
import { OBSERVE_MS, OBSERVED_MAX, Observer } from './observed.ts';
import { runsOf, stateOf, warningsOf } from './state.ts';
import { ask, open, partsOf, world } from './testing/world.ts';

/** What a page that listens has heard. */
class Listener {
  readonly events: { readonly name: string; readonly data: any }[] = [];
  readonly #response: IncomingMessage;
  #rest = '';
  #heard = () => {};

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.on('data', (data: Buffer) => {
      const blocks = (this.#rest + data.toString()).split('\n\n');
      this.#rest = blocks.pop()!;
      for (const block of blocks) {
        const [, name = '', text = ''] = /^event: (\w+)\ndata: ([^\n]*)$/.exec(block) ?? [];
        this.events.push({ name, data: JSON.parse(text) });
      }
      this.#heard();
    });
    response.on('error', () => {});
  }

  static async begin(t: Test, port: number): Promise<Listener> {
    const request = open(port, '/api/events').end();
    t.teardown(() => request.destroy());
    const [response] = await once(request, 'response');
    t.match(response.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    return new Listener(response);
  }

  /** Resolves when it has heard so many of that kind. */
  async heard(name: string, count: number): Promise<readonly any[]> {
    for (;;) {
      const some = this.events.filter((event) => event.name === name);
      if (some.length >= count) return some.map(({ data }) => data);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  leave(): void {
    this.#response.destroy();
  }
}

t.test('the state is made once for all who listen, and only while somebody does', async (t) => {
  const { port, clock, web, lines } = await world(t);
  lines.push('{"level":"info","time":"2026-11-21T20:50:52.056Z","room":"acl","msg":"<b>one</b>","x":1}\n');
  const [one, other] = [await Listener.begin(t, port), await Listener.begin(t, port)];
  await Promise.all([one.heard('state', 1), other.heard('state', 1)]);
  t.equal(web.figures.made, 1);
  t.strictSame(await one.heard('log', 1), [
    { time: Date.parse('2026-11-21T20:50:52.056Z'), level: 30, room: 'acl', text: '<b>one</b>', fields: { x: 1 } },
  ]);
  lines.push('{"msg":"two"}', '{"msg":"three"}');
  clock.advance(STATE_MS);
  await Promise.all([one.heard('state', 2), other.heard('state', 2)]);
  t.equal(web.figures.made, 2);
  t.match((await one.heard('log', 3)).slice(1), [{ text: 'two' }, { text: 'three' }]);
  t.equal((await ask(port, '/api/state')).status, 200);
  t.equal(web.figures.made, 2, 'who only looks is told the same');
  one.leave();
  other.leave();
  while (web.figures.listeners > 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10 * STATE_MS);
  t.equal(web.figures.made, 2);
  for (let at = 0; at < LINES_MAX + 5; at++) lines.push(`{"msg":"${at}"}`);
  const late = await Listener.begin(t, port);
  await late.heard('state', 1);
  t.equal(late.events.filter(({ name }) => name === 'log').length, LINES_MAX, 'the log begins with its end');
});

t.test('a volcano that does not answer holds nothing up: the others are told, and why it is not', async (t) => {
  let asked = 0;
  const ring: OperatorView = {
    ...fakeRing(),
    observe(member) {
      if (member === ring.self) return { ...NOTHING_OBSERVED, nickname: 'somebody' };
      asked += 1;
      return new Promise(() => {});
    },
  };
  const { clock, port } = await world(t, { ring });
  const look = async (): Promise<State> => {
    const reply = ask(port, '/api/state');
    while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(OBSERVE_MS);
    return (await reply).json<State>();
  };
  const { volcanos } = await look();
  t.match(volcanos, [
    { nickname: 'wallace', self: true, away: false, problem: null, silent: false },
    { nickname: 'gromit', self: false, away: true, problem: 'no answer within 1.5 s', silent: true },
  ]);
  const observer = new Observer(ring, clock);
  asked = 0;
  for (let times = 0; times < 3; times++) {
    const all = observer.all();
    clock.advance(OBSERVE_MS);
    t.match((await all).get(volcanos[1]!.id), { problem: /no answer/ });
  }
  t.equal(asked, 1, 'it is not asked again before it has answered');
});

t.test('in a very large network so many are asked, this one first; the others tell on their own pages', async (t) => {
  const ring = fakeRing();
  const one = ring.projection().volcanos[0]!;
  const others = Array.from({ length: OBSERVED_MAX + 5 }, (_, at) => ({ ...one, id: `${at}` }));
  const asked: string[] = [];
  const observe: OperatorView['observe'] = (id, { clients }) => {
    asked.push(id);
    t.ok(clients * OBSERVED_MAX < 4 * CLIENTS_OBSERVED_MAX);
    return { ...NOTHING_OBSERVED, nickname: id };
  };
  const projection = () => ({ ...ring.projection(), volcanos: [...others, one] });
  const all = await new Observer({ ...ring, projection, observe }, partsOf().clock).all();
  t.equal(asked.length, OBSERVED_MAX);
  t.equal(asked[0], ring.self);
  t.match(all.get(others.at(-1)!.id), { problem: /its own page/ });
});

/** What `Events` needs of a response. */
class FakeResponse {
  writableLength = 0;
  destroyed = false;
  written = 0;
  onWrite = () => {};
  writeHead(): void {}
  once(): void {}
  destroy(): void {
    this.destroyed = true;
  }
  write(): void {
    this.written += 1;
    this.onWrite();
  }
}

t.test('a page that reads too slowly is cut off, and the others are told on', async (t) => {
  const parts = partsOf();
  const events = new Events(parts);
  const [slow, other] = [new FakeResponse(), new FakeResponse()];
  for (const response of [slow, other]) events.listen(response as never, () => true);
  while (slow.written + other.written < 2) await new Promise((resolve) => setImmediate(resolve));
  slow.writableLength = QUEUED_MAX;
  const told = Promise.withResolvers<void>();
  other.onWrite = told.resolve;
  parts.clock.advance(STATE_MS);
  await told.promise;
  t.strictSame([slow.destroyed, slow.written], [false, 2], 'so much may wait');
  slow.writableLength = QUEUED_MAX + 1;
  const again = Promise.withResolvers<void>();
  other.onWrite = again.resolve;
  parts.clock.advance(STATE_MS);
  await again.promise;
  t.strictSame([slow.destroyed, slow.written, other.destroyed], [true, 2, false]);
});

const client: ClientObserved = {
  ...{ client: '192.0.2.1', calls: 10, retransmissions: 3, duplicates: 1, replayed: 2, requestBytes: 1, replyBytes: 2 },
  ...{ lossPercent: 1, sick: true, mounts: ['/a\xff<b>'], mountsInAll: 1 },
  ...{ quietMs: 2000, stuckMs: 0, procedures: [] },
};

t.test(
  'the state: what is bytes is encoded; who loses most comes first; shares that are the same are one',
  async (t) => {
    const parts = partsOf();
    const [wallace, gromit] = parts.ring.projection().volcanos.map(({ id }) => id) as [string, string];
    const share = { path: '/a\xff', rules: ['/a * r'] };
    const seen = new Map<string, Observation>([
      [wallace, { ...NOTHING_OBSERVED, nickname: 'x', clients: [client], clientsInAll: 1, shares: [share] }],
      [
        gromit,
        {
          ...{ ...NOTHING_OBSERVED, nickname: 'wallace', clientsInAll: 700, shares: [share, { ...share, rules: [] }] },
          clients: Array.from({ length: CLIENTS_OBSERVED_MAX }, () => ({ ...client, lossPercent: 2 })),
        },
      ],
    ]);
    const state = stateOf(parts, seen);
    t.match(state, { epoch: 7, copies: 2, singleCopies: 0, shortOfCopies: 0, clientsInAll: 701 });
    t.match(state.volcanos[0], { slices: 128, mirrors: 128, filling: 0 });
    t.equal(state.clients.length, CLIENTS_OBSERVED_MAX);
    t.match(state.clients[0], { lossPercent: 2, volcano: 'gromit', mounts: ['/a%FF%3Cb%3E'] });
    t.strictSame(state.shares, [
      { path: '/a%FF', rules: ['/a * r'], volcanos: ['wallace', 'gromit'] },
      { path: '/a%FF', rules: [], volcanos: ['gromit'] },
    ]);
    t.strictSame(state.runs, [
      { first: 0, count: 128, primary: 0, inSync: [1], filling: [] },
      { first: 128, count: 128, primary: 1, inSync: [0], filling: [] },
    ]);
    t.match(warningsOf({ syncMs: 900, damaged: 2, repaired: 1 }), [/takes 900 ms/, /2 records .*1 of which/]);
    t.strictSame(warningsOf({ syncMs: 2, damaged: 0, repaired: 0 }), []);
    t.equal(runsOf({ map: [] }).length, 0);
  },
);

t.test('a line of the log that is no whole object of JSON is told as it is', async (t) => {
  t.strictSame(logLine('{"level":"info","msg":"cu', 5), {
    ...{ time: 5, level: 30, room: '', text: '{"level":"info","msg":"cu', fields: {} },
  });
  t.match(logLine('{"level":50,"time":7,"msg":1,"room":2}', 5), { time: 7, level: 50, room: '', text: '' });
  for (const line of ['null', '[]', '"x"', '']) t.equal(logLine(line, 5).text, line);
});
