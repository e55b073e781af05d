import t from 'tap';
import { ENDPOINTS_MAX, readEndpoints } from './options.ts';

t.test("client URLs of etcd, with etcd's port unless they say another", async (t) => {
  t.strictSame(readEndpoints('http://one, https://two:1234,http://[::1]').map(String), [
    'http://one:2379/',
    'https://two:1234/',
    'http://[::1]:2379/',
  ]);
});

t.test('what is no such URL is named, with what is wrong', async (t) => {
  const wrong: [string, RegExp][] = [
    ['one:2379', /neither http: nor https:/],
    ['', /cannot be read/],
    ['http://one,,http://two', /cannot be read/],
    ['http://me:secret@one', /password/],
    ['http://one/v3', /has a path/],
    [Array.from({ length: ENDPOINTS_MAX + 1 }, () => 'http://one').join(), /the most is 16/],
  ];
  for (const [text, why] of wrong) t.throws(() => readEndpoints(text), why, text);
});
