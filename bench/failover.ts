import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { distributionTable, type Kill } from './failover/distribution.ts';
import { WriteLoad } from './failover/load.ts';
import { type FailoverOptions, HELP, readFailoverOptions } from './failover/options.ts';
import { logged, ownedBy, type RingMember, startEtcd, startRing } from './failover/ring.ts';
import type { Server } from './server.ts';
import { command, inWorkplace, machine, print, say } from './workplace.ts';

/** How long files are written before the kill, in milliseconds; and then up to so much longer, so that kills come at any moment between two renewals of a lease. */
const BEFORE_MS = 2_000;
const CHANCE_MS = 2_000;

async function oneKill(ring: readonly RingMember[], { files }: FailoverOptions): Promise<Kill> {
  const [first, victim, last] = ring as [RingMember, RingMember, RingMember];
  const survivors = [first, last];
  const dead = ownedBy(victim);
  const load = await WriteLoad.start(survivors, files);
  try {
    await rest(BEFORE_MS + Math.random() * CHANCE_MS);
    load.mark();
    const killed = Date.now();
    await victim.server.crash();
    await load.allAnswered();
    const { ms: pause, over } = load.longest(dead);
    const { ms: others } = load.longest((slice) => !dead(slice));
    const noticed = logged(survivors, 'a volcano does not answer: its slices are to be taken over', killed);
    const taken = logged(survivors, 'slices were taken over', killed);
    if (noticed === null || taken === null) throw new Error('nobody has taken over, or it was not logged');
    const map = taken[1] - noticed[0];
    return { pause, detection: noticed[0] - killed, map, takingUp: over - taken[1], others };
  } finally {
    await load.stop();
  }
}

async function measure(options: FailoverOptions, directory: string): Promise<void> {
  const { register, failoverSeconds, cores } = options;
  const kills: Kill[] = [];
  let etcd: { server: Server; flags: string } | null = null;
  try {
    if (register === 'etcd') etcd = await startEtcd(directory, cores.generator);
    for (let number = 0; number < options.kills; number++) {
      const above = join(directory, `ring-${number}`);
      const ring = await startRing(above, cores.server, `--failover ${failoverSeconds} ${etcd?.flags ?? ''}`);
      try {
        kills.push(await oneKill(ring, options));
      } finally {
        await Promise.all(ring.map(({ server }) => server.crash()));
        rmSync(above, { recursive: true, force: true, maxRetries: 5 });
      }
      const { pause, detection, map, takingUp, others } = kills.at(-1)!;
      const parts = [detection, map, takingUp].map(Math.round).join(' + ');
      say(`kill ${number + 1}: ${Math.round(pause)} ms (${parts}); other files ${Math.round(others)}`);
    }
  } finally {
    await etcd?.server.stop();
  }
  if (options.json) print(JSON.stringify({ machine: machine(), options, kills }));
  else
    print(
      `\n${machine()}. ${kills.length} kills, --failover ${failoverSeconds}, maps ${register === 'etcd' ? 'in etcd' : 'on the first volcano'}, ${options.files} files.\n\n${distributionTable(kills)}`,
    );
}

await command('bench:failover', async () => {
  const options = readFailoverOptions(process.argv.slice(2));
  if (options === null) print(HELP);
  else await inWorkplace(options.directory, options.cores, (directory) => measure(options, directory));
});
