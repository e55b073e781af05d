import t from 'tap';
import { FlareError } from '../flare/errors.ts';
import { FlareType } from '../flare/types.ts';
import { ROOT } from '../operator/paths.ts';
import type { Listing } from './api.ts';
import { disposition } from './files/disposition.ts';
import { DOWNLOADS_MAX } from './files/download.ts';
import { PAGE_ENTRIES, SORTED_MAX } from './files/list.ts';
import { rangeOf } from './files/range.ts';
import { PIECE_BYTES, PIECE_MS, UNFINISHED, UPLOADS_MAX } from './files/upload.ts';
import { Slots } from './slots.ts';
import { ask, open, type Reply, Visitor, type World, world } from './testing/world.ts';

async function operatorOf({ port }: World): Promise<Visitor> {
  const operator = new Visitor(port);
  await operator.login();
  return operator;
}

async function namesIn({ tree }: World): Promise<string[]> {
  const { entries } = await tree.readdir(ROOT, tree.root(), 0, 1000);
  return entries.map(({ name }) => name);
}

function put(operator: Visitor, path: string, body: string | Uint8Array, more = ''): Promise<Reply> {
  return operator.ask(`/api/file?path=${path}${more}`, { method: 'PUT', body });
}

t.test('files go up and come down as they are, whatever they are called', async (t) => {
  const here = await world(t);
  const operator = await operatorOf(here);
  const large = Buffer.alloc(3 * PIECE_BYTES + 17, 'lava');
  t.match(await put(operator, '/%FF%3Cscript%3E%22', large), { status: 201, text: `{"size":${large.length}}` });
  const down = await ask(here.port, '/api/file?path=/%FF%3Cscript%3E%22');
  t.ok(down.body.equals(large));
  t.match(down.headers, {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="_<script>_"',
    'content-length': `${large.length}`,
  });
  t.equal((await put(operator, '/empty', '')).status, 201);
  t.equal((await ask(here.port, '/api/file?path=/empty')).body.length, 0);
  t.equal((await ask(here.port, '/api/file?path=/empty', { method: 'HEAD' })).status, 200);
  t.strictSame((await namesIn(here)).sort(), ['empty', '\xff<script>"'], 'nothing else is left');
});

t.test(
  'a file that is there is replaced only when that is said, and keeps what it is; what is no file stays',
  async (t) => {
    const here = await world(t);
    const operator = await operatorOf(here);
    const { tree } = here;
    const file = await tree.create(ROOT, tree.root(), 'f', { type: FlareType.file, mode: 0o640, uid: 7, gid: 8 });
    await tree.create(ROOT, tree.root(), 'd', { type: FlareType.directory, mode: 0o755 });
    await tree.create(ROOT, tree.root(), 'l', { type: FlareType.symlink, mode: 0o777, target: Buffer.from('f') });
    t.equal((await put(operator, '/f', 'one')).status, 409);
    t.equal((await tree.getattr(file)).size, 0);
    t.equal((await put(operator, '/f', 'one', '&replace=1')).status, 200);
    t.match(await tree.lookup(ROOT, tree.root(), 'f'), { size: 3, mode: 0o640, uid: 7, gid: 8 });
    t.equal((await put(operator, '/d', 'one', '&replace=1')).status, 409);
    t.equal((await put(operator, '/l', 'one', '&replace=1')).status, 409, 'a symbolic link is not followed');
    t.equal((await ask(here.port, '/api/file?path=/l')).status, 409);
    t.match((await ask(here.port, '/api/file?path=/l/x')).json(), { error: /symbolic link, which is not followed/ });
    t.equal((await ask(here.port, '/api/file?path=/none')).status, 404);
    t.strictSame((await namesIn(here)).sort(), ['d', 'f', 'l']);
  },
);

t.test('who takes a name while a file comes up for it keeps it', async (t) => {
  const here = await world(t);
  const { tree } = here;
  const operator = await operatorOf(here);
  const write = tree.write.bind(tree);
  tree.write = (...what) => {
    tree.create(ROOT, tree.root(), 'f', { type: FlareType.fifo, mode: 0o600 }, { existing: 'open' });
    return write(...what);
  };
  t.equal((await put(operator, '/f', 'mine')).status, 409);
  t.equal((await tree.lookup(ROOT, tree.root(), 'f')).type, FlareType.fifo);
  t.strictSame(await namesIn(here), ['f']);
});

t.test('an upload that breaks off, stops, or finds no room leaves nothing', async (t) => {
  const here = await world(t);
  const { tree, port, clock } = here;
  const operator = await operatorOf(here);
  const headers = { cookie: operator.cookie, 'x-magma-token': operator.token, 'content-length': '10000000' };
  const begin = async () => {
    const request = open(port, '/api/file?path=/half', { method: 'PUT', headers });
    const over = new Promise<void>((resolve) => request.once('close', resolve));
    request.on('error', () => {});
    request.write(Buffer.alloc(PIECE_BYTES));
    while (!(await namesIn(here)).some((name) => name.startsWith(UNFINISHED)))
      await new Promise((resolve) => setImmediate(resolve));
    t.notOk((await namesIn(here)).includes('half'), 'half a file has not its name');
    return { request, over };
  };
  const gone = async () => {
    while ((await namesIn(here)).length > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  (await begin()).request.destroy();
  await gone();
  const still = await begin();
  clock.advance(PIECE_MS);
  await still.over;
  await gone();
  const stopped = await begin();
  const removed = tree.remove.bind(tree);
  tree.remove = async (...what) => {
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    return removed(...what);
  };
  await here.web.close();
  t.strictSame(await namesIn(here), [], 'also when the volcano stops: it waits for that');
  await stopped.over;
  tree.remove = removed;

  const full = await world(t, {
    tree: Object.assign(here.tree, {
      write: () => {
        throw FlareError.of('NOSPC');
      },
    }),
  });
  const other = await operatorOf(full);
  t.match(await put(other, '/a', 'x'), { status: 507, text: /There is no room for it/ });
  t.strictSame(await namesIn(here), []);
  const room = (await tree.statfs()).availableBytes;
  const large = { method: 'PUT', headers: { 'content-length': `${room + 1}` } };
  t.match((await other.ask('/api/file?path=/a', large)).json(), { error: /There is no room for it: \d+ bytes/ });
});

t.test('so many uploads and downloads at once, others are told to come again', async (t) => {
  for (const max of [UPLOADS_MAX, DOWNLOADS_MAX]) {
    const slots = new Slots(max, 'files');
    const { promise, resolve } = Promise.withResolvers<void>();
    const all = Array.from({ length: max }, () => slots.run(() => promise));
    await t.rejects(
      slots.run(() => promise),
      { status: 503, message: /Too many files/ },
    );
    resolve();
    await Promise.all(all);
    await slots.run(async () => {});
  }
});

t.test('directories are made and removed; the root, full ones, and those with rules stay', async (t) => {
  let ruled = '';
  const here = await world(t, { rules: { carriesRule: (key) => key === ruled } });
  const operator = await operatorOf(here);
  const at = (method: string, path: string) => operator.ask(`/api/directory?path=${path}`, { method });
  t.equal((await at('POST', '/a')).status, 201);
  t.equal((await at('POST', '/a')).status, 409);
  t.equal((await at('POST', '/a/b')).status, 201);
  t.match((await at('DELETE', '/a')).json(), { error: /not empty/ });
  ruled = (await here.tree.lookup(ROOT, here.tree.root(), 'a')).key;
  t.equal((await at('DELETE', '/a/b')).status, 200);
  t.match((await at('DELETE', '/a')).json(), { error: /A rule is bound/ });
  ruled = '';
  t.equal((await operator.ask('/api/file?path=/a', { method: 'DELETE' })).status, 409, 'a directory is no file');
  t.equal((await at('DELETE', '/a')).status, 200);
  for (const path of ['/', '', '/../a', '/a%2fb']) t.equal((await at('DELETE', path)).status, 400, path);
  t.equal((await put(operator, '/f', 'x')).status, 201);
  t.equal((await at('DELETE', '/f')).status, 409);
  t.equal((await operator.ask('/api/file?path=/f', { method: 'DELETE' })).status, 200);
  t.strictSame(await namesIn(here), []);
});

t.test(
  'a directory is listed by name, page by page; one too large for that in its own order, each entry once',
  async (t) => {
    const here = await world(t);
    const { tree, port } = here;
    const list = async (): Promise<string[]> => {
      const names: string[] = [];
      for (let after: string | null = ''; after !== null; ) {
        const page: Listing = (await ask(port, `/api/list?path=/&after=${encodeURIComponent(after)}`)).json<Listing>();
        t.ok(page.entries.length <= PAGE_ENTRIES);
        names.push(...page.entries.map(({ name }) => name));
        after = page.next;
      }
      return names;
    };
    const make = (at: number) =>
      tree.create(ROOT, tree.root(), `${String(at).padStart(4, '0')}\xff`, { type: FlareType.fifo, mode: 0o600 });
    for (let at = PAGE_ENTRIES + 5; at > 0; at--) await make(at);
    const names = await list();
    t.equal(names.length, PAGE_ENTRIES + 5);
    t.strictSame(names, names.toSorted());
    t.match((await ask(port, '/api/list?path=/')).json(), {
      entries: [{ name: '0001%FF', kind: 'fifo', mode: 0o600 }],
    });
    for (let at = PAGE_ENTRIES + 6; at <= SORTED_MAX + 1; at++) await make(at);
    const all = await list();
    t.equal(new Set(all).size, SORTED_MAX + 1);
    t.equal(all.length, SORTED_MAX + 1);
    t.equal((await ask(port, '/api/list?path=/&after=x')).status, 400);
    t.equal((await ask(port, '/api/list?path=/0001%FF')).status, 409);
  },
);

t.test('a part of a file (RFC 9110 §14)', async (t) => {
  t.strictSame(rangeOf('bytes=0-0', 10), { start: 0, end: 1 });
  t.strictSame(rangeOf('bytes=4-', 10), { start: 4, end: 10 });
  t.strictSame(rangeOf('bytes=4-99', 10), { start: 4, end: 10 });
  t.strictSame(rangeOf('bytes=-3', 10), { start: 7, end: 10 });
  t.strictSame(rangeOf('bytes=-99', 10), { start: 0, end: 10 });
  for (const none of ['bytes=10-', 'bytes=-0', 'bytes=10-11']) t.equal(rangeOf(none, 10), 'none', none);
  t.equal(rangeOf('bytes=0-', 0), 'none');
  for (const all of [
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'lines=1-2',
    'bytes=a-b',
    `bytes=${'9'.repeat(20)}-`,
  ])
    t.equal(rangeOf(all, 10), null, `${all}`);
  const here = await world(t);
  await put(await operatorOf(here), '/f', '0123456789');
  const part = (headers: Record<string, string>) => ask(here.port, '/api/file?path=/f', { headers });
  const some = await part({ range: 'bytes=2-4' });
  t.match(some, { status: 206, text: '234', headers: { 'content-range': 'bytes 2-4/10', 'content-length': '3' } });
  t.match(await part({ range: 'bytes=10-' }), { status: 416, headers: { 'content-range': 'bytes */10' } });
  t.equal((await part({ range: 'bytes=2-4', 'if-range': some.headers.etag! })).text, '234');
  t.equal((await part({ range: 'bytes=2-4', 'if-range': '"other"' })).text, '0123456789', 'it has changed since');
});

t.test('a download has its name, and nothing in that name is obeyed (RFC 6266, RFC 8187)', async (t) => {
  const utf8 = Buffer.from('naïve €').toString('latin1');
  t.equal(disposition('a.txt'), `attachment; filename="a.txt"; filename*=UTF-8''a.txt`);
  t.equal(disposition(utf8), `attachment; filename="na__ve ___"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC`);
  t.equal(
    disposition('a"\r\nSet-Cookie: x\\'),
    `attachment; filename="a___Set-Cookie: x_"; filename*=UTF-8''a%22%0D%0ASet-Cookie%3A%20x%5C`,
  );
  t.equal(disposition('\xff'), 'attachment; filename="_"');
});
