import t from 'tap';
import { parseSeed, resolveSeeds } from './seeds.ts';

t.test('whom to join: an address or a name, with or without a port', async (t) => {
  const of = (text: string): string => {
    const seed = parseSeed(text);
    return seed === null ? 'nothing' : `${seed.host} ${seed.port}`;
  };
  t.equal(of('192.168.1.20'), '192.168.1.20 12001');
  t.equal(of('192.168.1.20:13001'), '192.168.1.20 13001');
  t.equal(of('fd00::20'), 'fd00::20 12001');
  t.equal(of('[fd00::20]'), 'fd00::20 12001');
  t.equal(of('[fd00::20]:13001'), 'fd00::20 13001');
  t.equal(of('wallace.example:13001'), 'wallace.example 13001');
  for (const bad of [
    '',
    ':1',
    'a:',
    'a:0',
    'a:65536',
    '[192.168.1.20]:1',
    '[fd00::20',
    '[x]:1',
    'fd00::g',
    'a b',
    '-x',
    `${'a'.repeat(256)}`,
  ])
    t.equal(of(bad), 'nothing', bad);
});

t.test('names become addresses; that none can be found ends the start only when there is nobody else', async (t) => {
  const resolver = {
    async resolve(name: string) {
      if (name === 'wallace') return ['192.0.2.1', '2001:db8::1'];
      throw new Error('ENOTFOUND');
    },
  };
  const wallace = { host: 'wallace', port: 1 };
  const nobody = { host: 'nobody', port: 2 };
  t.same(await resolveSeeds([nobody, wallace, { host: '192.0.2.3', port: 3 }], resolver), [
    { address: '192.0.2.1', port: 1 },
    { address: '2001:db8::1', port: 1 },
    { address: '192.0.2.3', port: 3 },
  ]);
  await t.rejects(resolveSeeds([nobody], resolver), { message: /cannot find whom to join: nobody: ENOTFOUND. Cure/ });
  t.same(await resolveSeeds([], resolver), []);
});
