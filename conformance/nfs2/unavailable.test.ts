import t from 'tap';
import { UnavailableError } from '../../src/flare/errors.ts';
import type { FlareService } from '../../src/flare/service.ts';
import { DROP } from '../../src/rpc/program.ts';
import { makeWorld } from '../lib/nfs2-world.ts';

t.test(
  'UnavailableError: a call that cannot be answered now gets no reply, so that its client asks again (RFC 1094 §1.3)',
  async (t) => {
    let away = false;
    const around = (store: FlareService): FlareService =>
      new Proxy(store, {
        get(target, name) {
          const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
          return (...args: unknown[]) => {
            if (away) throw new UnavailableError('the owner of the flare cannot be reached');
            return method.apply(target, args);
          };
        },
      });
    const { program, root, top, errors } = await makeWorld({ around });
    t.equal((await root.getattr(top)).status, 0);
    away = true;
    const getattr = program.versions.get(2)!.get(1)!;
    const endpoint = { address: '192.0.2.1', port: 700 };
    const call = {
      transport: 'udp' as const,
      client: endpoint,
      server: endpoint,
      xid: 1,
      credential: { flavor: 'none' as const },
      replayIdentity: () => 'x',
    };
    t.equal(await getattr.handle(top, call), DROP);
    const create = program.versions.get(2)!.get(9)!;
    const unset = 2 ** 32 - 1;
    const time = { seconds: unset, useconds: unset };
    const attributes = { mode: 0o644, uid: unset, gid: unset, size: unset, atime: time, mtime: time };
    const where = { directory: top, name: Buffer.from('f') };
    t.equal(await create.handle({ where, attributes }, call), DROP, 'a change, too');
    t.same(errors, [], 'it is no error of the volcano');
    away = false;
    t.equal((await root.getattr(top)).status, 0);
  },
);
