import t from 'tap';
import { PAGES_BYTES_MAX, PageCache } from './page-cache.ts';

t.test('a page is given for the version that it shows, and for no other', async (t) => {
  const cache = new PageCache();
  const given = Buffer.from('page');
  const kept = cache.keep('d', 5, given);
  given.fill(0);
  t.same(kept, Buffer.from('page'));
  t.equal(cache.get('d', 5), kept);
  t.equal(cache.get('d', 6), undefined);
  t.equal(cache.get('d', 4), undefined);
  t.equal(cache.get('e', 5), undefined);
  cache.keep('d', 6, Buffer.from('other'));
  t.same(cache.get('d', 6), Buffer.from('other'));
  t.equal(cache.get('d', 5), undefined);
});

t.test('what is kept is bounded in bytes; what was asked for lately stays', async (t) => {
  const cache = new PageCache();
  const page = Buffer.alloc(8192);
  cache.keep('often', 1, page);
  const pages = (PAGES_BYTES_MAX / page.length) * 2;
  for (let at = 0; at < pages; at++) {
    cache.keep(`page ${at}`, 1, page);
    if (cache.bytes > PAGES_BYTES_MAX) t.fail(`${cache.bytes} bytes after ${at} pages`);
    if (cache.get('often', 1) === undefined) t.fail(`gone after ${at} pages`);
  }
  t.equal(cache.get('page 0', 1), undefined);
  t.ok(cache.get(`page ${pages - 1}`, 1));
});

t.test('a page that is kept again and again counts once', async (t) => {
  const cache = new PageCache();
  cache.keep('d', 1, Buffer.alloc(100));
  const once = cache.bytes;
  for (let version = 2; version < 50; version++) cache.keep('d', version, Buffer.alloc(100));
  t.equal(cache.bytes, once);
});
