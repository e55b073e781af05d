import t from 'tap';
import { pageOf } from './page.ts';

const COUNT = 8192;
/** The result's status, end of list and eof, and an entry without its name (RFC 1094 §2.2.17). */
const AROUND = 12;
const ENTRY = 16;

/** A directory of many names of that length; `asked` counts what it was asked for. */
function directory(nameBytes: number, entries = 100_000) {
  const asked = { times: 0, entries: 0 };
  const name = 'n'.repeat(nameBytes);
  const ask = (cookie: number, limit: number) => {
    asked.times++;
    asked.entries += limit;
    const from = Math.max(3, cookie + 1);
    const count = Math.min(limit, entries + 3 - from);
    const page = Array.from({ length: count }, (_, at) => ({ name, fileid: 1, cookie: from + at }));
    return { entries: page, end: from + count === entries + 3 };
  };
  return { ask, asked };
}

for (const nameBytes of [1, 4, 9, 12, 13, 40, 255]) {
  t.test(`READDIR of names of ${nameBytes} bytes: as many as fit, and the store is asked for few more`, async (t) => {
    const { ask, asked } = directory(nameBytes);
    const page = await pageOf(COUNT, 10, [], ask);
    const fit = Math.floor((COUNT - AROUND) / (ENTRY + Math.ceil(nameBytes / 4) * 4));
    t.equal(page.entries.length, fit);
    t.equal(page.end, false);
    const usual = Math.floor((COUNT - AROUND) / 28);
    t.ok(asked.entries <= Math.max(usual, fit) * 1.1, `${asked.entries} were asked for`);
    t.ok(asked.times <= 4, `${asked.times} times`);
  });
}

t.test('all that there is, in the order of the cookies, ends the list', async (t) => {
  const { ask } = directory(1, 400);
  const page = await pageOf(COUNT, 0, [{ name: '.', fileid: 2, cookie: 1 }], ask);
  t.same(
    page.entries.map(({ cookie }) => cookie),
    [1, ...Array.from({ length: 400 }, (_, at) => at + 3)],
  );
  t.equal(page.end, true);
});

t.test('one entry is there however little room there is, and what does not fit does not end the list', async (t) => {
  const { ask, asked } = directory(255, 1);
  t.match(await pageOf(1, 0, [], ask), { end: true, entries: { length: 1 } });
  const dots = [1, 2].map((cookie) => ({ name: '.', fileid: 2, cookie }));
  asked.times = 0;
  t.match(await pageOf(1, 0, dots, ask), { end: false, entries: { length: 1 } });
  t.equal(asked.times, 1, 'the store is asked, for it may refuse');
});

t.test('a store that answers later is waited for', async (t) => {
  const { ask } = directory(4);
  const page = await pageOf(COUNT, 0, [], async (cookie, limit) => ask(cookie, limit));
  t.equal(page.entries.length, 409);
});
