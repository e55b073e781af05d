import t from 'tap';
import { LOCK_END, LockKind } from '../src/flare/locks/types.ts';
import type { Attributes, Key } from '../src/flare/types.ts';
import { BLOCKED_PER_CLIENT_MAX } from '../src/lockd/blocked.ts';
import { GRANT_AGAIN_MS, GRANT_TRIES } from '../src/lockd/grant.ts';
import { serveLocks } from './lib/lock-service.ts';
import { granted, NLM, SERVER, Status } from './lib/nlm-client.ts';
import { Accept, opaque, u32 } from './lib/wire.ts';

/* The network lock manager (XNFS chapters 10 and 14) over real sockets, with clients that were written from its description (docs/locks.md). */

const { GRANTED, DENIED, NOLOCKS, BLOCKED } = Status;

t.test('versions 1 to 4 are served; DOS procedures from 3 on; others get PROG_MISMATCH 1 to 4', async (t) => {
  const service = await serveLocks(t);
  const client = await service.client('127.0.0.2', 'crate');
  for (const version of [1, 2, 3, 4]) {
    t.match(
      await client.call(NLM, version, 0, Buffer.alloc(0)),
      { status: Accept.SUCCESS },
      `NULL of version ${version}`,
    );
    const dos = await client.call(NLM, version, 23, Buffer.concat([opaque('crate'), u32(0)]));
    t.match(dos, { status: version < 3 ? Accept.PROC_UNAVAIL : Accept.SUCCESS }, `FREE_ALL of version ${version}`);
    t.match(await client.call(NLM, version, 2, u32(1)), { status: Accept.GARBAGE_ARGS });
  }
  const mismatch = await client.call(NLM, 5, 0, Buffer.alloc(0));
  t.match(mismatch, { status: Accept.PROG_MISMATCH, results: u32(1, 4) });
});

for (const protocol of ['udp', 'tcp'] as const)
  t.test(
    `LOCK, TEST and UNLOCK over ${protocol}: ranges as POSIX has them, holders as they named themselves`,
    async (t) => {
      const service = await serveLocks(t);
      const one = await service.client('127.0.0.2', 'one', protocol);
      const two = await service.client('127.0.0.3', 'two', protocol);
      const handle = service.file('f');
      t.equal(await one.lock({ handle, offset: 0n, length: 100n, svid: 7, owner: '7@one' }), GRANTED);
      t.equal(await two.lock({ handle, offset: 99n, length: 1n }), DENIED);
      t.equal(await two.lock({ handle, offset: 100n }), GRANTED, 'to the end of the file');
      t.equal(await two.test({ handle, offset: 5n, length: 1n }), 'exclusive 7 7@one 0+100');
      t.equal(await one.test({ handle, offset: 200n, length: 1n }), 'exclusive 1 o 100+0');
      t.equal(await one.test({ handle, offset: 5n, length: 1n, svid: 7, owner: '7@one' }), `${GRANTED}`, 'his own');
      t.equal(await one.unlock({ handle, offset: 10n, length: 10n, svid: 7, owner: '7@one' }), GRANTED);
      t.equal(
        await two.lock({ handle, offset: 10n, length: 10n, exclusive: false }),
        GRANTED,
        'a hole that was unlocked',
      );
      t.equal(await one.lock({ handle, offset: 0n, length: 10n, svid: 7, owner: '7@one', exclusive: false }), GRANTED);
      t.equal(await two.test({ handle, offset: 0n, length: 20n, exclusive: false }), `${GRANTED}`, 'downgraded');
      t.equal(await two.test({ handle, offset: 0n, length: 20n }), 'shared 7 7@one 0+10');
      t.equal(
        await two.lock({ handle, offset: 50n, length: 1n, svid: 7, owner: '7@one' }),
        DENIED,
        'not whoever says that he is 7@one',
      );
      t.equal(await two.unlock({ handle }), GRANTED);
      t.equal(await one.lock({ handle, svid: 7, owner: '7@one' }), GRANTED, 'upgraded, and joined');
      t.equal(await two.test({ handle }), 'exclusive 7 7@one 0+0');
      t.equal(await two.unlock({ handle }), GRANTED, 'what nobody has is given back all the same');
    },
  );

t.test('version 4: offsets of 63 bits, and statuses that others do not have; those are NOLOCKS there', async (t) => {
  const service = await serveLocks(t);
  const one = await service.client('127.0.0.2', 'one');
  const two = await service.client('127.0.0.3', 'two');
  const handle = service.file('f');
  one.version = 4;
  t.equal(await one.lock({ handle, offset: 2n ** 40n, length: 10n }), GRANTED);
  t.equal(
    await two.test({ handle, offset: 2n ** 32n - 1n }),
    `exclusive 1 o ${2n ** 32n - 1n}+0`,
    'as far as 32 bits say it',
  );
  two.version = 4;
  t.equal(await two.test({ handle, offset: 2n ** 40n }), `exclusive 1 o ${2n ** 40n}+10`);
  t.equal(await two.lock({ handle, offset: 2n ** 63n }), Status.FBIG);
  t.equal(await two.lock({ handle: Buffer.alloc(32, 9) }), Status.STALE_FH);
  t.equal(await two.lock({ handle: Buffer.alloc(64, 9) }), Status.STALE_FH, 'no handle of ours');
  two.version = 1;
  t.equal(await two.lock({ handle: Buffer.alloc(32, 9) }), NOLOCKS);
  t.equal(await two.test({ handle: Buffer.alloc(32, 9) }), `${NOLOCKS}`);
});

t.test('who waits is told by GRANTED, at the address that he called from, from the one that he called', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const handle = service.file('f');
  t.equal(await one.lock({ handle, length: 10n }), GRANTED);
  const wanted = { handle, offset: 5n, length: 10n, svid: 9, owner: '9@two', block: true, cookie: 'mine' };
  t.equal(await two.lock(wanted), BLOCKED);
  t.equal(await two.lock(wanted), BLOCKED, 'asked again: it waits once');
  t.equal(await one.unlock({ handle, length: 10n }), GRANTED);
  const told = await two.incoming();
  t.match(told, { program: NLM, version: 1, procedure: 5, from: SERVER });
  const { args } = told;
  t.equal(args.text(), 'mine');
  t.equal(args.number(), 1, 'exclusive');
  t.same([args.text(), args.text(), args.text()], ['two', handle.toString('latin1'), '9@two']);
  t.same([args.number(), args.number(), args.number(), args.rest], [9, 5, 10, 0]);
  told.answer(Buffer.concat([opaque('mine'), u32(GRANTED)]));
  t.equal(await one.lock({ handle, length: 10n }), DENIED, 'it is his');
  t.equal(await two.unlock(wanted), GRANTED);
  t.equal(await one.lock({ handle, length: 10n }), GRANTED);
  t.equal(two.unread, 0, 'told once');
});

t.test('over IPv6 as well: the port comes from rpcbind', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('::1', 'two')];
  const handle = service.file('f');
  await one.lock({ handle });
  t.equal(await two.lock({ handle, block: true }), BLOCKED);
  await one.unlock({ handle });
  const told = await two.incoming();
  t.match(told, { procedure: 5, from: '::1' });
  told.answer(granted(told, GRANTED));
  t.equal(await one.lock({ handle }), DENIED);
});

t.test('bytes that mount.magma has locked are locked here; flock(2) there is another kind', async (t) => {
  const service = await serveLocks(t);
  const client = await service.client('127.0.0.2', 'one');
  const handle = service.file('f');
  const id = service.store.find(handle.toString('latin1', 3, 23) as Key) as Attributes;
  const root = { uid: 0, gid: 0, gids: [] };
  const place = { holder: 'desk 17', owner: 'p', start: 0n, last: 9n, pid: 77, leaseMs: 0, mode: 'exclusive' } as const;
  service.store.locks.lock(root, id, { ...place, kind: LockKind.bytes });
  t.equal(await client.lock({ handle, length: 5n }), DENIED);
  t.equal(await client.test({ handle }), 'exclusive 77 desk 17 0+10');
  service.store.locks.lock(root, id, { ...place, kind: LockKind.whole, last: LOCK_END });
  t.equal(await client.lock({ handle, offset: 10n }), GRANTED);
});

t.test(
  'what is granted and not taken is given back; what is not answered is told again, and then given back',
  async (t) => {
    const service = await serveLocks(t);
    const one = await service.client('127.0.0.2', 'one');
    const two = await service.client('127.0.0.3', 'two');
    const handle = service.file('f');
    const wanted = { handle, svid: 9, block: true };
    t.equal(await one.lock({ handle }), GRANTED);
    t.equal(await two.lock(wanted), BLOCKED);
    t.equal(await one.unlock({ handle }), GRANTED);
    const refused = await two.incoming();
    t.equal(await one.lock({ handle, block: true }), BLOCKED, 'the next one waits');
    refused.answer(granted(refused, DENIED));
    const next = await one.incoming();
    next.answer(granted(next, GRANTED));
    t.equal(await two.lock(wanted), BLOCKED);
    t.equal(await one.unlock({ handle }), GRANTED);
    let told = 0;
    while (service.log.length === 0) {
      if (two.unread === 0) {
        service.clock.advance(GRANT_AGAIN_MS);
        await new Promise(setImmediate);
        continue;
      }
      const again = await two.incoming();
      t.equal(await one.lock({ handle }), DENIED, 'it is kept for him');
      again.answer(granted(again, Status.GRACE));
      told += 1;
    }
    t.ok(told >= GRANT_TRIES);
    t.match(service.log.join(), /cannot be told that it has a lock/);
    t.equal(await one.lock({ handle }), GRANTED, 'given back');
  },
);

t.test('who asks again while he is being told has it: nobody is told any more', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const handle = service.file('f');
  await one.lock({ handle });
  t.equal(await two.lock({ handle, block: true }), BLOCKED);
  await one.unlock({ handle });
  await two.incoming();
  t.equal(await two.lock({ handle, block: true }), GRANTED, 'as Linux does after 30 s');
  for (let turns = 0; turns < 10 * GRANT_TRIES; turns++) {
    service.clock.advance(GRANT_AGAIN_MS);
    await new Promise(setImmediate);
  }
  t.equal(await one.lock({ handle }), DENIED, 'and keeps it, though it never answered');
});

t.test('CANCEL and UNLOCK end waiting; CANCEL of what does not wait is DENIED', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const handle = service.file('f');
  await one.lock({ handle });
  for (const end of ['cancel', 'unlock'] as const) {
    t.equal(await two.lock({ handle, block: true }), BLOCKED);
    t.equal(await service.meanwhile(two[end]({ handle })), GRANTED);
    t.equal(await two.cancel({ handle }), DENIED, 'it does not wait any more');
  }
  await one.unlock({ handle });
  t.equal(await one.lock({ handle }), GRANTED, 'nobody has got it instead');
  t.equal(two.unread, 0);
  t.equal(await two.lock({ handle, block: true }), BLOCKED);
  await one.unlock({ handle });
  const told = await two.incoming();
  t.equal(await two.cancel({ handle }), GRANTED, 'even what was just given is given back');
  told.answer(granted(told, GRANTED));
  t.equal(await one.lock({ handle, block: true }), GRANTED);
});

t.test('messages: _MSG is answered by a call of _RES, GRANTED_MSG by GRANTED_RES', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const handle = service.file('f');
  const message = async (client: typeof one, procedure: number, args: Buffer) => {
    t.equal(
      (await service.meanwhile(client.ask(NLM, procedure, args))).rest,
      0,
      'the message itself has an empty answer',
    );
    const told = await client.incoming();
    t.equal(told.procedure, procedure + 5);
    told.answer();
    t.equal(told.args.text(), `by ${procedure}`, 'its cookie');
    return told.args;
  };
  t.equal((await message(one, 7, one.lockArgs({ handle, cookie: 'by 7' }))).number(), GRANTED);
  t.equal(two.tested(await message(two, 6, two.testArgs({ handle, cookie: 'by 6' }))), 'exclusive 1 o 0+0');
  t.equal((await message(two, 7, two.lockArgs({ handle, block: true, cookie: 'by 7' }))).number(), BLOCKED);
  t.equal((await message(two, 8, two.cancelArgs({ handle, cookie: 'by 8' }))).number(), GRANTED);
  t.equal((await message(two, 7, two.lockArgs({ handle, block: true, cookie: 'by 7' }))).number(), BLOCKED);
  t.equal((await message(one, 9, one.unlockArgs({ handle, cookie: 'by 9' }))).number(), GRANTED);
  const told = await two.incoming();
  t.equal(told.procedure, 10, 'GRANTED_MSG');
  told.answer();
  const cookie = told.args.text();
  t.equal(await one.lock({ handle }), DENIED);
  await one.ask(NLM, 15, Buffer.concat([opaque(cookie), u32(DENIED)]));
  t.equal(await one.lock({ handle }), DENIED, 'the answer of another address counts for nothing');
  await two.ask(NLM, 15, Buffer.concat([opaque(cookie), u32(DENIED)]));
  if ((await one.lock({ handle, block: true })) === BLOCKED) {
    const free = await one.incoming();
    free.answer(granted(free, GRANTED));
  }
  t.equal(await two.lock({ handle }), DENIED, 'it was given back, and is the other one’s');
});

t.test(
  'a deadlock of clients is theirs: both wait, others are served, and who cancels frees the other one',
  async (t) => {
    const service = await serveLocks(t);
    const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
    const third = await service.client('127.0.0.4', 'three');
    const [f, g] = [service.file('f'), service.file('g')];
    t.equal(await one.lock({ handle: f, length: 5n }), GRANTED);
    t.equal(await two.lock({ handle: g, length: 5n }), GRANTED);
    t.equal(await one.lock({ handle: g, length: 5n, block: true }), BLOCKED);
    t.equal(await two.lock({ handle: f, length: 5n, block: true }), BLOCKED);
    t.equal(await third.lock({ handle: f, offset: 5n }), GRANTED);
    t.equal(await service.meanwhile(one.cancel({ handle: g, length: 5n })), GRANTED);
    t.equal(await one.unlock({ handle: f, length: 5n }), GRANTED);
    const told = await two.incoming();
    told.answer(granted(told, GRANTED));
    t.equal(await one.lock({ handle: f, length: 5n }), DENIED);
  },
);

t.test('a file that is removed takes its locks, and who waits for them, along', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const handle = service.file('f');
  t.equal(await one.lock({ handle }), GRANTED);
  t.equal(await two.lock({ handle, block: true }), BLOCKED);
  service.store.remove({ uid: 0, gid: 0, gids: [] }, service.store.root(), 'f');
  t.equal(await one.unlock({ handle }), GRANTED, 'what is gone is given back');
  t.equal(await service.meanwhile(two.cancel({ handle })), GRANTED);
  t.equal(await two.lock({ handle }), NOLOCKS);
  t.same(service.log, []);
});

t.test('never a reflector: without a handle of this network a message has nothing sent to anybody', async (t) => {
  const service = await serveLocks(t);
  const client = await service.client('127.0.0.2', 'one');
  const handle = service.file('f');
  const forged = Buffer.from(handle.map((byte, at) => (at === 31 ? byte ^ 1 : byte)));
  const header = (xid: number) => u32(xid, 0, 2, NLM, 1, 7, 0, 0, 0, 0);
  for (const [at, wrong] of [forged, Buffer.alloc(8), Buffer.alloc(0)].entries())
    client.wire.send(Buffer.concat([header(at), client.lockArgs({ handle: wrong, cookie: 'forged' })]));
  client.wire.send(Buffer.concat([header(9), client.lockArgs({ handle, cookie: 'real' })]));
  const told = await client.incoming();
  told.answer();
  t.equal(told.args.text(), 'real');
  await client.call(NLM, 1, 0, Buffer.alloc(0));
  t.equal(client.asked, 1, 'for the others not even its portmapper was asked');
  t.equal(client.unread, 0);
  t.equal(client.wire.strays, 1, 'and they had no answer');
});

t.test('rules and permissions decide who locks; lock daemons (uid 0, nobody) go by the rules alone', async (t) => {
  const service = await serveLocks(t, '/ 127.0.0.2 r\n/ 127.0.0.3 n');
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const handle = service.file('f', 0o600);
  t.equal(await two.lock({ handle }), DENIED, 'no rule lets him in');
  t.equal(await two.test({ handle }), `${NOLOCKS}`);
  t.equal(await one.lock({ handle }), GRANTED, 'root, though it is squashed, and may only read');
  const asUser = { flavor: 1, body: Buffer.concat([u32(0), opaque('one'), u32(500, 500, 0)]) };
  const call = { xid: 5, program: NLM, version: 1, procedure: 2, args: one.lockArgs({ handle }) };
  const reply = await one.wire.call({ ...call, credential: asUser });
  t.same(
    reply.denied ? null : reply.results,
    Buffer.concat([opaque('lock'), u32(DENIED)]),
    'a user who may not read it',
  );
  const nobody = await one.wire.call({ ...call, xid: 6, credential: { flavor: 0, body: Buffer.alloc(0) } });
  t.same(nobody.denied ? null : nobody.results, Buffer.concat([opaque('lock'), u32(GRANTED)]));
});

t.test('bound: requests of one client that wait (BLOCKED_PER_CLIENT_MAX)', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
  const third = await service.client('127.0.0.4', 'three');
  const handle = service.file('f');
  await one.lock({ handle });
  for (let svid = 0; svid < BLOCKED_PER_CLIENT_MAX; svid++) {
    if ((await two.lock({ handle, svid, block: true })) !== BLOCKED) t.fail(`${svid} is not taken`);
  }
  t.equal(await two.lock({ handle, svid: 1000, block: true }), NOLOCKS);
  t.equal(await third.lock({ handle, block: true }), BLOCKED, 'others may wait');
});

t.test(
  'reservations: whoever takes what another one denies, or denies what he has taken, is refused (SHARE, UNSHARE)',
  async (t) => {
    const service = await serveLocks(t);
    const [one, two] = [await service.client('127.0.0.2', 'one'), await service.client('127.0.0.3', 'two')];
    const handle = service.file('f');
    const wrong: string[] = [];
    for (let first = 0; first < 16; first++) {
      if ((await one.share(20, handle, 'a', first & 3, first >> 2)) !== GRANTED) wrong.push(`${first}`);
      for (let second = 0; second < 16; second++) {
        const meets = (first & 3 & (second >> 2)) !== 0 || (second & 3 & (first >> 2)) !== 0;
        const answer = await two.share(20, handle, 'b', second & 3, second >> 2);
        if (answer !== (meets ? DENIED : GRANTED)) wrong.push(`${first} ${second}: ${answer}`);
        if ((await two.share(21, handle, 'b', 0, 0)) !== GRANTED) wrong.push('unshare');
      }
    }
    t.same(wrong, []);
    t.equal(
      await one.share(20, handle, 'a', 1, 2),
      GRANTED,
      'another one of the same owner takes the place of the first',
    );
    t.equal(await two.share(20, handle, 'b', 1, 0), GRANTED);
    t.equal(await one.share(20, handle, 'a', 1, 1), DENIED);
    t.equal(
      await two.share(20, handle, 'c', 2, 0),
      DENIED,
      'what was refused has changed nothing: writing is still denied',
    );
    t.equal(await two.lock({ handle }), GRANTED, 'bytes are another matter');
    t.equal(await one.share(20, handle, 'a', 4, 0), NOLOCKS, 'there is no such access');
  },
);

t.test('FREE_ALL ends all that a client has, and waits for, by NM_LOCK too, and no other client’s', async (t) => {
  const service = await serveLocks(t);
  const [one, two] = [await service.client('127.0.0.2', 'dos'), await service.client('127.0.0.3', 'dos')];
  const [f, g] = [service.file('f'), service.file('g')];
  one.version = two.version = 3;
  t.equal(await one.lock({ handle: f }, 22), GRANTED, 'NM_LOCK');
  t.equal(await one.share(20, g, 'a', 3, 3), GRANTED);
  t.equal(await two.lock({ handle: g }, 22), GRANTED);
  t.equal(await one.lock({ handle: g, block: true }), BLOCKED);
  await two.ask(NLM, 23, Buffer.concat([opaque('dos'), u32(0)]));
  t.equal(await two.lock({ handle: f }), DENIED, 'his name, but not his address');
  const told = await one.incoming();
  told.answer(granted(told, GRANTED));
  t.equal(await two.lock({ handle: g, block: true }), BLOCKED);
  await service.meanwhile(one.ask(NLM, 23, Buffer.concat([opaque('dos'), u32(0)])));
  const free = await two.incoming();
  free.answer(granted(free, GRANTED));
  t.equal(await two.lock({ handle: f }), GRANTED);
  t.equal(await two.share(20, g, 'b', 3, 3), GRANTED);
});
