import { systemClock } from '../base/clock.ts';
import type { Net } from '../base/net.ts';
import { Console } from '../console/console.ts';
import type { ConsoleParts } from '../console/parts.ts';
import { memberOf } from '../dht/projection/queries.ts';
import type { Config } from './config.ts';
import type { Log } from './logging.ts';
import type { Network } from './network.ts';
import { VERSION } from './version.ts';

/** What the console is opened with. */
export interface ConsoleOptions extends Pick<ConsoleParts, 'rules' | 'debug'> {
  readonly config: Config;
  readonly log: Log;
  readonly net: Net;
  readonly network: Network;
}

/**
 * Opens the console; null when it is not wanted, or when nobody has said where it is to be and it cannot be there: volcanos that share a machine would else need a setting each. Rejects
 * with the host's error.
 */
export async function openConsole(options: ConsoleOptions): Promise<{ console: Console; port: number } | null> {
  const { config, log, net, network, ...rest } = options;
  if (!config.console) return null;
  const logger = log.room('console');
  const { tree, view: ring, store, nickname } = network;
  const console = new Console({
    ...{ ...rest, clock: systemClock, logger, version: VERSION, nickname, key: config.key, tree, ring, store },
    address: memberOf(ring.projection(), ring.self)?.addresses[0] ?? config.serverName,
    log: { lines: (count) => log.recent.last(count) },
    shutdown: () => void process.kill(process.pid, 'SIGTERM'),
  });
  const given = config.origins.has('console-listen');
  // Not every machine has both loopback addresses.
  const tries = given ? [config.consoleListen] : [config.consoleListen, ...config.consoleListen.map((one) => [one])];
  let problem: unknown;
  for (const addresses of tries) {
    try {
      return { console, port: await console.listen(net, addresses, config.consolePort) };
    } catch (error) {
      problem ??= error;
      if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') {
        problem = error;
        break;
      }
    }
  }
  const { code } = problem as NodeJS.ErrnoException;
  const mustBe = given || config.origins.has('console-port');
  if (mustBe || (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL')) throw problem;
  logger.warn(
    { port: config.consolePort, code },
    'the console cannot listen on its port: there is none. Cure: --console-port',
  );
  return null;
}
