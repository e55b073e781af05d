import t from 'tap';
import { NOTHING_OBSERVED } from '../dht/observation.ts';
import { fakeRing } from '../dht/testing/fake-ring.ts';
import { FlareType } from '../flare/types.ts';
import { ROOT } from '../operator/paths.ts';
import { EXTENTS_SHOWN } from './commands/inspect.ts';
import { COMMANDS } from './commands.ts';
import { type World, world } from './testing/world.ts';

const PROMPT = 'MAGMA [wallace]:/> ';

function file(at: World, name: string): void {
  at.tree.create(ROOT, at.tree.root(), name, { type: FlareType.file, mode: 0o644 });
}

t.test('every command of issue 7 is there, has help that fits a terminal, and is listed', async (t) => {
  const client = world().connect();
  const names = 'help ls cd pwd cat inspect erase lava print cache debug clients locks log check shutdown exit'.split(
    ' ',
  );
  const list = await client.command('help');
  t.same([...COMMANDS].map(({ name }) => name).sort(), [...names].sort());
  for (const name of [...names, 'quit']) {
    t.match(list, new RegExp(`^(exit, )?${name}\\b`, 'm'));
    t.match(await client.command(`help ${name}`), /^\w+.*\n {2}\S/);
  }
});

t.test('inspect shows key, slice, primary, mirrors, attributes and extents', async (t) => {
  const at = world();
  file(at, 'motd');
  const client = at.connect();
  const shown = await client.command('inspect motd');
  for (const line of [
    /^path +\/motd$/m,
    /^key +[0-9a-f]{40}$/m,
    /^slice +\d+ of 256, epoch 7$/m,
    /^primary +(wallace|gromit)$/m,
    /^mirrors +(wallace|gromit)$/m,
    /^mode +-rw-r--r-- \(0644\)$/m,
    /^links +1$/m,
    /^ {2}bytes 0 to 4: segment 1, position 4096$/m,
  ])
    t.match(shown, line);
  const store = { ...at.parts.store, extentsOf: () => null };
  const other = world({ tree: at.tree, store });
  t.match(await other.connect().command('inspect /motd'), /^extents +this volcano has no copy$/m);
  t.ok(EXTENTS_SHOWN > 0);
});

t.test(
  'erase asks back: anything but yes leaves the file; directories with rules, the root and what is not empty stay',
  async (t) => {
    const at = world();
    file(at, 'motd');
    const home = at.tree.create(ROOT, at.tree.root(), 'home', { type: FlareType.directory, mode: 0o755 });
    at.tree.create(ROOT, home, 'x', { type: FlareType.file, mode: 0o644 });
    const client = at.connect();
    const erase = async (path: string, answer: string): Promise<string> => {
      await client.until(({ text }) => text.endsWith(PROMPT));
      const before = client.text.length;
      client.type(`erase ${path}\n${answer}\n`);
      await client.until(({ text }) => text.slice(before).includes(PROMPT));
      return client.text.slice(before);
    };
    for (const answer of ['', 'y', 'YES'])
      t.match(await erase('motd', answer), /^Erase \/motd \(file, 0 bytes\) for good\? Type yes: Nothing was erased/);
    t.match(await client.command('pwd'), /\/\n/);
    client.type('erase motd\n');
    await client.until(({ text }) => text.endsWith('Type yes: '));
    client.type('\x03');
    await client.until(({ text }) => text.endsWith(`Nothing was erased.\n${PROMPT}`));
    t.match(await erase('home', 'yes'), 'erase: the directory is not empty');
    t.match(await client.command('erase /'), 'erase: the root cannot be erased');
    t.match(await erase('home/x', 'yes'), '/home/x is erased.');
    t.match(await erase('home', 'yes'), '/home is erased.');
    t.equal(await client.command('ls'), 'motd\n');
    const ruled = world({ tree: at.tree, rules: { rules: () => [], carriesRule: () => true } });
    t.match(await ruled.connect().command('erase motd'), 'a rule is bound to it');
  },
);

t.test('locks break ends the locks of a holder on all volcanos that answer, after asking', async (t) => {
  const client = world().connect();
  const end = async (words: string, answer: string): Promise<string> => {
    await client.until(({ text }) => text.endsWith(PROMPT));
    const before = client.text.length;
    client.type(`locks ${words}\n${answer}\n`);
    await client.until(({ text }) => text.slice(before).includes(PROMPT));
    return client.text.slice(before);
  };
  t.match(await end('break nlm 10.0.0.1 crate', 'y'), 'Nothing was ended.');
  const ended = await end('break "nlm 10.0.0.1 crate"', 'yes');
  t.match(
    ended,
    'End all locks of nlm 10.0.0.1 crate? Type yes: The locks of nlm 10.0.0.1 crate have ended: of 2 files.',
  );
  t.match(ended, 'gromit: gromit is away');
  t.match(await client.command('locks nlm'), /locks break HOLDER/);
});

t.test('lava, locks and check say what they can when a volcano is away, and do not wait for it', async (t) => {
  const client = world().connect();
  const lava = await client.command('lava');
  t.match(lava, /^wallace \(arbiter\) +serving +192\.168\.1\.20 +128 +128 +12 +50 % +0 +this one$/m);
  t.match(lava, /^gromit: nothing was heard of it for 40 s$/m);
  t.match(await client.command('locks'), /^gromit: gromit is away$/m);
  const check = await client.command('check');
  t.match(
    check,
    /0 of 256 slices are looked through\nnotice: 256 slices are left out.*\nnotice: gromit: nothing is heard of it\nsound\n/,
  );
});

t.test(
  'check compares copies: those that differ are named, a volcano that goes away meanwhile is noticed',
  async (t) => {
    const ring = fakeRing();
    const [wallace] = ring.projection().volcanos;
    const near = { ...ring, figures: (id: string) => ({ ...ring.figures(id)!, heardSeconds: 0 }) };
    const digest = (member: string, slice: number) => {
      const differs = member !== wallace!.id && slice === 5;
      return Promise.resolve({ number: 1, epoch: 7, digest: Buffer.alloc(32, differs ? 1 : 0) });
    };
    t.match(
      await world({ ring: { ...near, digest } })
        .connect()
        .command('check'),
      /256 of 256 slices are looked through\nPROBLEM: slice 5: gromit, a mirror of wallace, does not have the same\n1 problems\n/,
    );
    t.match(await world({ ring: near }).connect().command('check'), /notice: gromit: gromit is away\nsound/);
  },
);

t.test(
  'clients: who has mounted, what was called, and the one whose network loses packets is named, the healthy one not',
  async (t) => {
    const of = (client: string, calls: number, retransmissions: number, lossPercent: number, mounts: string[]) => ({
      ...{ client, calls, retransmissions, duplicates: 2, requestBytes: 1, replyBytes: 1, lossPercent },
      ...{ replayed: retransmissions - 2, sick: lossPercent > 0, mounts, mountsInAll: mounts.length },
      ...{ quietMs: 2000, stuckMs: 0, procedures: [] },
    });
    const clients = [
      of('192.168.1.40', 1000, 20, 0.9, []),
      of('192.168.1.41', 1000, 2, 0, ['/a\x1b']),
      of('192.168.1.42', 0, 0, 0, ['/b']),
    ];
    const observe = () => ({ ...NOTHING_OBSERVED, nickname: 'wallace', clients, clientsInAll: 5 });
    const at = world({ ring: { ...fakeRing(), observe } });
    const shown = await at.connect().command('clients');
    t.match(shown, /^192\.168\.1\.40 +1000 +20 +2 +18 +0\.9 % +2 s +- +-$/m);
    t.match(shown, /^192\.168\.1\.41 +1000 +2 +2 +0 +0 % +2 s +- +\/a\\x1b$/m);
    t.match(shown, /^192\.168\.1\.42 +- +- .* \/b$/m);
    t.match(shown, /^and 2 more$/m);
    t.match(shown, /\nThe network of 192\.168\.1\.40 loses about 0\.9 % of packets\.\n$/);
  },
);

t.test(
  'log shows records and lines, whose contents are made harmless; print shows rules, memory and channels; debug switches them',
  async (t) => {
    const line = JSON.stringify({
      level: 'warn',
      time: '2026-11-21T17:54:15.123Z',
      room: 'nfs2',
      name: '\u001b[2J',
      msg: 'odd',
    });
    const at = world({ log: { lines: (count) => [line, 'no JSON\x1b\n'].slice(-count) } });
    const client = at.connect();
    t.match(
      await client.command('log'),
      /9 +2020-09-13 12:26:40 +3 +7 +4 +write +120\n\n2026-11-21 17:54:15 warn nfs2: odd \{"name":"\\u001b\[2J"\}\nno JSON\\x1b\n/,
    );
    t.equal(await client.command('log lines 1'), 'no JSON\\x1b\n');
    t.match(await client.command('log 0'), 'COUNT is a number');
    t.match(await client.command('print cache'), /in memory +4096 bytes/);
    t.match(await client.command('print acl'), /^rule/);
    t.match(await client.command('print debug'), /n +nfs2 +off +NFS calls/);
    t.equal(await client.command('debug on nfs2'), 'nfs2 is on\n');
    t.match(await client.command('print debug'), /n +nfs2 +on/);
    t.equal(await client.command('debug off all'), 'nfs2 is off\n');
    t.match(await client.command('debug on z'), 'there is no channel z');
  },
);

t.test('cache load looks at all that lies below', async (t) => {
  const at = world();
  const home = at.tree.create(ROOT, at.tree.root(), 'home', { type: FlareType.directory, mode: 0o755 });
  for (let n = 0; n < 40; n++) at.tree.create(ROOT, home, `f${n}`, { type: FlareType.file, mode: 0o644 });
  const client = at.connect();
  t.equal(await client.command('cache load'), '41 flares below / were looked at.\n');
  t.equal(await client.command('cache load home'), '40 flares below /home were looked at.\n');
});

t.test('nothing stops the volcano but shutdown, after yes', async (t) => {
  const at = world();
  const client = at.connect();
  const said = async (answer: string): Promise<void> => {
    await client.until(({ text }) => text.endsWith(PROMPT));
    const before = client.text.length;
    client.type(`shutdown\n${answer}\n`);
    await client.until(({ text, ended }) => ended || text.slice(before).includes(PROMPT));
  };
  await said('no');
  await said('y');
  t.same(at.done, []);
  await said('yes');
  t.same(at.done, ['shutdown']);
  t.equal(client.ended, true);
});
