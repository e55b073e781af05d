import { readFileSync } from 'node:fs';
import t from 'tap';
import { OPENINGS } from './firewall.ts';

t.test("the Containerfile lists the ports that an appliance opens, and the operator's", async (t) => {
  const text = readFileSync(new URL('../../Containerfile', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^EXPOSE (.*)$/gm)].flatMap(([, ports]) => ports!.split(' '));
  const opened = OPENINGS.filter(({ why }) => why !== 'ssh' && why !== 'bootparam').flatMap(({ ports, protocols }) =>
    ports.flatMap((port) => protocols.map((protocol) => `${port}/${protocol}`)),
  );
  t.same(listed.sort(), [...opened, '12002/tcp'].sort());
});
