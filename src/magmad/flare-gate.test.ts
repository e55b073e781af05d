import t from 'tap';
import { parseRule } from '../acl/rule.ts';
import { Shares } from '../acl/shares.ts';
import { silentLogger } from '../base/logger.ts';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import type { GateRequest } from '../dht/programs/flare/program.ts';
import { FlareError } from '../flare/errors.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { type Caller, type FlareId, FlareType } from '../flare/types.ts';
import type { CallContext } from '../rpc/program.ts';
import { flareGate } from './flare-gate.ts';

const ROOT: Caller = { uid: 0, gid: 0, gids: [] };

t.test(
  'clients of the flare program are asked for as those of NFS: by address, flare by flare, and squashed',
  async (t) => {
    const clock = manualClock();
    const service = new MemoryService({ clock, random: seededRandom(1) });
    const top = service.root();
    const open = await service.create(ROOT, top, 'open', { type: FlareType.directory, mode: 0o755 });
    const shut = await service.create(ROOT, top, 'shut', { type: FlareType.directory, mode: 0o755 });
    const rules = ['/ * r', '/open 192.0.2.0/24 w', '/shut 192.0.2.0/24 n'].map((rule) => parseRule(rule, 'test'));
    const resolver = { resolve: async () => [] };
    const shares = await Shares.open(rules, {
      service,
      notes: new MemoryNotes(),
      resolver,
      clock,
      logger: silentLogger,
    });
    const gate = flareGate(() => ({ shares, service }));
    const ask = (
      access: 'read' | 'write',
      flares: readonly FlareId[],
      address = '192.0.2.7',
      caller: Caller | null = ROOT,
    ) => {
      const call = { client: { address, port: 1 } } as CallContext;
      // Whom he says that he calls for is nothing to go by.
      const request: GateRequest = { call, client: '127.0.0.1', access, caller: caller ?? undefined, flares };
      return gate(request);
    };

    t.match(await ask('read', [top]), { uid: 65_534, gid: 65_534 }, 'root is squashed, as the rule says');
    t.match(await ask('write', [open], '192.0.2.7', { uid: 5, gid: 6, gids: [0, 7], replay: 'x' }), {
      ...{ uid: 5, gid: 6, gids: [7], replay: 'x' },
    });
    t.equal(await ask('read', [top], '192.0.2.7', null), undefined);
    t.equal(await ask('read', []), ROOT, 'what is about the network');
    await t.rejects(ask('write', [top]), FlareError.of('ROFS'));
    await t.rejects(
      ask('write', [open], '198.51.100.1'),
      FlareError.of('ROFS'),
      'another address falls under another rule',
    );
    await t.rejects(ask('read', [shut]), FlareError.of('ACCES'));
    await t.rejects(ask('read', [open, shut]), FlareError.of('ACCES'), 'each flare counts');
    await t.rejects(ask('read', [{ ...open, generation: open.generation + 1 }]), FlareError.of('STALE'));
    await t.rejects(
      flareGate(() => null)({} as GateRequest),
      { message: /another operation holds/ },
      'before there are rules',
    );
  },
);
