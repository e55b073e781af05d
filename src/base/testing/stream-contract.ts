import t, { type Test } from 'tap';
import type { Endpoint, Net, Stream } from '../net.ts';
import { portOf } from './datagrams.ts';

/** What the contract is tried on. */
export interface ContractSubject {
  readonly name: string;
  /** Connects from there. */
  readonly near: Net;
  /** Listens there. */
  readonly far: Net;
  /** An address of the far side; of each family that there is. */
  readonly address: string;
  readonly address6?: string;
}

const CHUNK = 1_000_000;

function closed(stream: Stream): Promise<Error | undefined> {
  return new Promise((resolve) => stream.onClose(resolve));
}

/** All that a stream brings, once it is closed. */
async function all(stream: Stream): Promise<string> {
  const chunks: Buffer[] = [];
  stream.onData((data) => chunks.push(Buffer.from(data)));
  await closed(stream);
  return Buffer.concat(chunks).toString('latin1');
}

/** Resolves with what has come when it is that many bytes. */
function arrives(stream: Stream, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stream.onData((data) => {
      text += data.toString('latin1');
      if (text.length >= bytes) resolve(text);
    });
  });
}

async function pair(t: Test, subject: ContractSubject, address = subject.address, listenOn: string[] = [address]) {
  const listener = await subject.far.listen(listenOn, 0);
  t.teardown(() => listener.close());
  const accepted = new Promise<Stream>((resolve) => listener.onConnection(resolve));
  const to: Endpoint = { address, port: portOf(listener) };
  const near = await subject.near.connect(to);
  const far = await accepted;
  t.teardown(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far, to, listener };
}

/** Tries what `Net` and `Stream` promise of TCP; the real network and the simulated one are held to the same. */
export function streamContract(subject: ContractSubject): void {
  const { name } = subject;

  t.test(`${name}: both ends know both ends, in both families, listening on all addresses or on some`, async (t) => {
    const addresses = [subject.address, subject.address6].filter((address) => address !== undefined);
    for (const address of addresses) {
      for (const listenOn of [[], [address], [...addresses]]) {
        const { near, far, to } = await pair(t, subject, address, listenOn);
        t.same(near.remote, to);
        t.same(far.local, to);
        t.same(far.remote, near.local);
      }
    }
  });

  t.test(
    `${name}: what is written arrives, in order; end sends all that is queued, then both ends close`,
    async (t) => {
      const { near, far } = await pair(t, subject);
      const [atNear, atFar] = [all(near), all(far)];
      let expected = '';
      for (let n = 0; n < 200; n++) {
        const text = `${n},`.repeat(1 + (n % 7) * 500);
        expected += text;
        near.write(Buffer.from(text));
      }
      far.write(Buffer.from('hello'));
      await arrives(near, 5);
      near.end();
      t.equal(near.write(Buffer.from('late')), false, 'writing after the end is harmless');
      t.ok((await atFar) === expected, 'all of it, and nothing of what was late');
      t.equal(await atNear, 'hello');
    },
  );

  t.test(`${name}: who came in and asks for the end may answer behind it`, async (t) => {
    const { near, far } = await pair(t, subject);
    far.onData(() => {});
    const ended = new Promise<void>((resolve) => far.onEnd(resolve));
    const answer = all(near);
    near.write(Buffer.from('question'));
    near.end();
    await ended;
    far.write(Buffer.from('answer'));
    const gone = closed(far);
    far.end();
    t.equal(await answer, 'answer');
    t.equal(await gone, undefined);
  });

  t.test(
    `${name}: a taken port, a port nobody listens on, no address, an address that is not of this host`,
    async (t) => {
      const { to, listener, near, far } = await pair(t, subject);
      await t.rejects(subject.far.listen([to.address], to.port), { code: 'EADDRINUSE' });
      await t.rejects(subject.far.listen([], to.port), { code: 'EADDRINUSE' });
      await t.rejects(subject.far.listen(['192.0.2.99'], 0), { code: 'EADDRNOTAVAIL' });
      await t.rejects(subject.far.listen(['localhost'], 0), /no numeric/);
      await t.rejects(async () => subject.near.connect({ address: 'localhost', port: 1 }), /no numeric/);
      await listener.close();
      await t.rejects(subject.near.connect(to), { code: 'ECONNREFUSED' });
      near.write(Buffer.from('still open'));
      t.equal(await arrives(far, 10), 'still open');
      await (await subject.far.listen([to.address], to.port)).close();
    },
  );

  t.test(
    `${name}: pause holds the flow back to the writer, queued counts, and the drain comes when all has left`,
    async (t) => {
      const { near, far } = await pair(t, subject);
      let received = 0;
      near.onData((data) => {
        received += data.length;
      });
      near.pause();
      let sent = CHUNK;
      while (far.write(Buffer.alloc(CHUNK))) sent += CHUNK;
      for (; sent < 20 * CHUNK; sent += CHUNK) t.equal(far.write(Buffer.alloc(CHUNK)), false);
      t.ok(far.queued > 0 && far.queued <= sent);
      const drained = new Promise<void>((resolve) => far.onDrain(resolve));
      near.resume();
      await drained;
      t.equal(far.queued, 0);
      t.equal(far.write(Buffer.of(1)), true);
      const gone = closed(near);
      far.end();
      await gone;
      t.equal(received, sent + 1);
    },
  );

  t.test(`${name}: a handler may pause and resume at each chunk`, async (t) => {
    const { near, far } = await pair(t, subject);
    let received = 0;
    near.onData((data) => {
      received += data.length;
      near.pause();
      queueMicrotask(() => near.resume());
    });
    const gone = closed(near);
    for (let n = 0; n < 3; n++) far.write(Buffer.alloc(CHUNK));
    far.end();
    t.equal(await gone, undefined);
    t.equal(received, 3 * CHUNK);
  });

  t.test(`${name}: what is corked waits for uncork`, async (t) => {
    const { near, far } = await pair(t, subject);
    const first = arrives(far, 2);
    near.cork();
    near.write(Buffer.from('c'));
    near.write(Buffer.from('d'));
    t.equal(near.queued, 2);
    far.write(Buffer.from('ping'));
    await arrives(near, 4);
    t.equal(near.queued, 2);
    near.uncork();
    t.equal(await first, 'cd');
    near.cork();
    near.write(Buffer.from('last'));
    const rest = all(far);
    near.end();
    t.equal(await rest, 'last', 'end uncorks');
  });

  t.test(
    `${name}: nothing is lost before there is a handler, and a reader that is paused sees the end behind what it has still to read`,
    async (t) => {
      const { near, far } = await pair(t, subject);
      far.write(Buffer.from('early'));
      const echoed = arrives(far, 2);
      near.write(Buffer.from('go'));
      await echoed;
      t.equal(await arrives(near, 5), 'early');
      let ended = false;
      near.pause();
      const gone = closed(near).then(() => {
        ended = true;
      });
      far.write(Buffer.from('more'));
      far.end();
      const other = await pair(t, subject);
      other.far.write(Buffer.from('later'));
      await arrives(other.near, 5);
      t.equal(ended, false);
      near.resume();
      await gone;
    },
  );

  t.test(`${name}: destroy closes at once: nothing comes any more, the peer sees the end`, async (t) => {
    const { near, far } = await pair(t, subject);
    let after = 0;
    near.onData(() => {
      after += 1;
    });
    const peer = all(far);
    const gone = closed(near);
    near.write(Buffer.from('parting'));
    near.destroy();
    t.equal(near.write(Buffer.from('x')), false);
    t.equal(await gone, undefined);
    t.equal(await peer, 'parting', 'what the host had taken still arrives');
    t.equal(after, 0);
    t.doesNotThrow(() => {
      near.destroy();
      near.end();
      near.resume();
    });
    t.equal(await closed(near), undefined, 'who asks late is told too');
    t.equal(far.write(Buffer.from('x')), false);
  });

  t.test(`${name}: who is paused learns of the end at once when all has come, else when it has resumed`, async (t) => {
    const other = await pair(t, subject);
    const roundTrip = async (): Promise<void> => {
      const [there, back] = [arrives(other.far, 1), arrives(other.near, 1)];
      other.near.write(Buffer.of(1));
      await there;
      other.far.write(Buffer.of(1));
      await back;
    };
    for (const bytes of [0, 3 * CHUNK]) {
      const { near, far } = await pair(t, subject);
      far.pause();
      let received = 0;
      far.onData((data) => {
        received += data.length;
      });
      let learnt = false;
      const gone = closed(far).then(() => {
        learnt = true;
      });
      for (let sent = 0; sent < bytes; sent += CHUNK) near.write(Buffer.alloc(CHUNK));
      near.end();
      if (bytes === 0) await gone;
      else for (let n = 0; n < 10; n++) await roundTrip();
      t.equal(learnt, bytes === 0);
      far.resume();
      await gone;
      t.equal(received, bytes);
    }
  });

  t.test(
    `${name}: who destroys what it has not read resets the connection, and who writes learns of that though it is paused`,
    async (t) => {
      const { near, far } = await pair(t, subject);
      let after = 0;
      near.pause();
      near.onData(() => {
        after += 1;
      });
      far.pause();
      far.onData(() => {});
      for (let n = 0; n < 3; n++) near.write(Buffer.alloc(CHUNK));
      for (let n = 0; n < 20; n++) far.write(Buffer.alloc(CHUNK));
      const gone = closed(far);
      near.destroy();
      t.match((await gone) as { code?: string }, { code: /^(ECONNRESET|EPIPE)$/ });
      t.equal(after, 0);
    },
  );
}
