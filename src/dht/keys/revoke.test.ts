import t from 'tap';
import { createPlainSecureNet } from '../../base/simulated/plain-secure-net.ts';
import { secretOfClient } from '../client-secret.ts';
import { Link } from '../link.ts';
import { readProjection } from '../programs/flare/remote-service.ts';
import { FLARE_REPLY_BYTES_MAX } from '../programs/flare/schema.ts';
import { MIRRORED, mirroredRing } from '../testing/mirrored.ts';
import { Operator } from '../testing/operator.ts';
import { FLARE_PORT, quickKeyring } from '../testing/virtual-ring.ts';
import type { ClientName } from './identity.ts';

const VOLCANOS = 3;

t.test(
  'A client whose key is revoked by way of any volcano is refused by all, at once and after restarts, and is told why; others go on',
  async (t) => {
    const ring = await mirroredRing(VOLCANOS);
    const host = ring.network.host('clients', ['10.8.8.8']);
    const clock = ring.time.clock();
    const process = host.process(clock);
    const secrets = await quickKeyring('m4gm4s3cr3t').network(Buffer.from(ring.volcanos[0]!.up.networkId, 'hex'));
    /** A client, connected to all volcanos: what each answers. */
    const client = (of: ClientName) => {
      const net = createPlainSecureNet(process, clock, { keyOf: () => null, self: secretOfClient(secrets, of) });
      const links = ring.volcanos.map(({ nickname: name, address }) => {
        const to = [{ address, port: FLARE_PORT }];
        return new Link({ net, clock, random: ring.random(), name, to, replyBytes: FLARE_REPLY_BYTES_MAX });
      });
      const one = async (link: Link): Promise<string> => {
        try {
          return (await readProjection(link, 0)) === null ? 'no map' : 'let in';
        } catch (error) {
          return (error as Error).message;
        }
      };
      return () => ring.settle(Promise.all(links.map(one)));
    };
    const all = (answer: string): string[] => ring.volcanos.map(() => answer);
    const laptop = { name: 'laptop', number: 1 };
    const asLaptop = client(laptop);
    const others = [
      client({ name: 'desktop', number: 1 }),
      client({ name: '', number: 1 }),
      client({ name: 'laptop', number: 2 }),
    ];
    t.same(await asLaptop(), all('let in'));

    const operator = new Operator(ring);
    t.match(await operator.ask(2, (node) => node.revoke('laptop')), { name: 'laptop', number: 1 });
    for (let number = 0; number < VOLCANOS; number++) {
      const told = await operator.ask(number, (node) => node.keys());
      t.match(told, { fresh: true, keyId: secrets.keyId, revoked: [{ name: 'laptop', number: 1 }] });
      t.ok(
        told.users.some((user) => user.client?.name === 'laptop' && user.address === '10.8.8.8'),
        'it is shown who called',
      );
      t.ok(
        told.users.some((user) => user.client === null),
        'and volcanos',
      );
    }
    const refused = all(
      'the key of laptop (number 1) was revoked. Cure: `magma key client laptop` on a volcano prints another one, if it is to be let in again',
    );
    t.same(await asLaptop(), refused, 'on the connections that are there');
    t.same(await client(laptop)(), refused, 'and on new ones');
    for (const other of others) t.same(await other(), all('let in'));
    for (const { warnings } of ring.volcanos) {
      const lines = warnings.filter((line) => /a client was refused: the key of laptop/.test(line));
      t.equal(lines.length, 1, 'one line for one caller');
    }

    await ring.stop(1);
    await ring.start(1, MIRRORED);
    t.same(await client(laptop)(), refused, 'after a restart, too');
    t.same(await others[0]!(), all('let in'));
    process.kill();
    await ring.close();
  },
);
