import t from 'tap';
import { clientsText } from './clients.ts';
import { client, silent, told } from './testing/seen.ts';

t.test('clients of all volcanos, the sickest first and named, with what they have mounted', async (t) => {
  const seen = [
    told('wallace', 0, {
      clients: [
        client('192.0.2.7', 900, { lossPercent: 0.05 }),
        client('192.0.2.9', 0, { mounts: ['/a\x1b', '/b', '/c'], mountsInAll: 5 }),
      ],
      clientsInAll: 4,
    }),
    silent('penguin', 1, 'no answer within 4 s'),
    told('gromit', 2, {
      clients: [client('192.0.2.8', 1000, { lossPercent: 0.6, replayed: 6, sick: true, stuckMs: 1500 })],
    }),
  ];
  const lines = clientsText(seen).split('\n');
  t.match(lines[0], /^client +volcano +calls +again +late +replayed +loss +seen +stuck +mounted$/);
  t.match(lines[1], /^192\.0\.2\.8 +gromit +1000 +0 +0 +6 +0\.6 % +2 s +1\.5 s +-$/);
  t.match(lines[2], /^192\.0\.2\.7 +wallace /);
  t.match(lines[3], /^192\.0\.2\.9 +wallace( +-){7} +\/a\\x1b \/b \/c and 2 more$/);
  t.same(lines.slice(4), [
    'and 2 more',
    'penguin: no answer within 4 s',
    'The network of 192.0.2.8 loses about 0.6 % of packets.',
    '',
  ]);
});
