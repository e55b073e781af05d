import t from 'tap';
import { readConfig } from '../magmad/config.ts';
import type { Seed } from '../magmad/seeds.ts';
import { connectAny, type RingClient } from './ring-client.ts';

t.test(
  'the volcano of this machine may be the dead one: those of the configuration are asked, unless one was named',
  async (t) => {
    const request = readConfig(['--key', 'secret', '--join', '192.0.2.2', '--join', '192.0.2.3:7'], {});
    if (!('config' in request)) throw new Error('no configuration');
    const { config } = request;
    const at: Seed = { host: '127.0.0.1', port: 12_001 };
    const tried: string[] = [];
    const alive =
      (living: readonly string[]) =>
      async ({ host }: Seed) => {
        tried.push(host);
        if (!living.includes(host)) throw new Error(`${host} is off`);
        return host as unknown as RingClient;
      };
    const connect = (living: readonly string[], flags = {}) =>
      connectAny({ at, config, flags }, 'secret', alive(living));
    t.match(await connect(['127.0.0.1', '192.0.2.2']), { ring: '127.0.0.1', through: at });
    t.same(tried.splice(0), ['127.0.0.1']);
    t.match(await connect(['192.0.2.3']), { ring: '192.0.2.3', through: { port: 7 } });
    t.same(tried.splice(0), ['127.0.0.1', '192.0.2.2', '192.0.2.3']);
    await t.rejects(connect([]), { message: '127.0.0.1 is off' }, 'what the first one said');
    tried.length = 0;
    await t.rejects(connect(['192.0.2.3'], { at: '127.0.0.1' }), { message: '127.0.0.1 is off' });
    t.same(tried, ['127.0.0.1']);
  },
);
