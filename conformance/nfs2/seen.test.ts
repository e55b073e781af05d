import t from 'tap';
import type { FlareService } from '../../src/flare/service.ts';
import type { Attributes, FlareId } from '../../src/flare/types.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

/** A service as a gateway's: it knows what it has seen of flares, until told otherwise; and the looks at flares are counted. */
function gateway(): {
  around: (store: FlareService) => FlareService;
  seen: Map<string, Attributes>;
  looks: () => number;
} {
  const seen = new Map<string, Attributes>();
  let looks = 0;
  const around = (store: FlareService): FlareService => {
    const glance = (id: FlareId) => {
      looks += 1;
      return store.glance(id);
    };
    const more = { glance, seen: ({ key }: FlareId) => seen.get(key) };
    return new Proxy(store, {
      has: (target, name) => name in more || name in target,
      get(target, name) {
        if (name in more) return more[name as keyof typeof more];
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  return { around, seen, looks: () => looks };
}

t.test(
  'GETATTR, READ and WRITE of a flare that was seen lately ask for nothing but what they do; rules and types hold all the same (issue 4: one hop per owner touched)',
  async (t) => {
    const { around, seen, looks } = gateway();
    const rules = ['/ * w no_root_squash', '/open 192.0.2.0/24 w no_root_squash', '/shut * r'];
    const { root, top, store } = await makeWorld({ around, rules });
    const open = must(await root.lookup(top, 'open'));
    const shut = must(await root.lookup(top, 'shut'));
    const file = must(await root.create(open.handle, 'f', {}));
    const attributes = (await store.lookup({ uid: 0, gid: 0, gids: [] }, await idOf(store, 'open'), 'f')) as Attributes;
    must(await root.write(file.handle, 0, Buffer.from('cheese')));
    seen.set(attributes.key, attributes);
    const before = looks();
    t.equal(must(await root.getattr(file.handle)).size, 6, 'what is shown is as it is now');
    t.equal(must(await root.read(file.handle, 0, 100)).data.toString(), 'cheese');
    t.equal((await root.write(file.handle, 6, Buffer.from('!'))).status, 0);
    t.equal(looks(), before, 'nobody was asked twice');

    const readOnly = { ...attributes, parent: await idOf(store, 'shut') };
    seen.set(attributes.key, readOnly);
    t.equal(
      (await root.write(file.handle, 0, Buffer.from('x'))).status,
      30,
      'the rule of its directory holds: NFSERR_ROFS',
    );
    seen.set(attributes.key, { ...attributes, parent: { ...attributes.parent, generation: 9_999 } });
    t.equal(
      (await root.write(file.handle, 0, Buffer.from('C'))).status,
      0,
      'a directory that is gone is no reason to refuse',
    );
    t.ok(looks() > before, 'it was asked again');
    must(await root.remove(open.handle, 'f'));
    seen.set(attributes.key, attributes);
    t.equal((await root.getattr(file.handle)).status, 70, 'a flare that is gone is STALE');
    t.equal((await root.read(file.handle, 0, 100)).status, 70);
    t.equal((await root.write(file.handle, 0, Buffer.from('x'))).status, 70);
    t.ok(shut);
  },
);

async function idOf(store: FlareService, name: string): Promise<FlareId> {
  const { key, generation } = await store.lookup({ uid: 0, gid: 0, gids: [] }, store.root(), name);
  return { key, generation };
}
