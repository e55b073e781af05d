import { systemClock } from '../base/clock.ts';
import type { Net } from '../base/net.ts';
import { Console } from '../console/console.ts';
import type { ConsoleParts } from '../console/parts.ts';
import { memberOf } from '../dht/projection/queries.ts';
import type { Config } from './config.ts';
import type { Log } from './logging.ts';
import type { Network } from './network.ts';
import { listenForOperators } from './operator-port.ts';
import { VERSION } from './version.ts';

/** What the console is opened with. */
export interface ConsoleOptions extends Pick<ConsoleParts, 'rules' | 'debug'> {
  readonly config: Config;
  readonly log: Log;
  readonly net: Net;
  readonly network: Network;
}

/** Opens the console; null when it is not wanted, or cannot be (`listenForOperators`). Rejects with the host's error. */
export async function openConsole(options: ConsoleOptions): Promise<{ console: Console; port: number } | null> {
  const { config, log, net, network, ...rest } = options;
  if (!config.console) return null;
  const logger = log.room('console');
  const { tree, view: ring, store, nickname } = network;
  const console = new Console({
    ...{ ...rest, clock: systemClock, logger, version: VERSION, nickname, key: network.isKey, tree, ring, store },
    address: memberOf(ring.projection(), ring.self)?.addresses[0] ?? config.serverName,
    log: { lines: (count) => log.recent.last(count) },
    shutdown: () => void process.kill(process.pid, 'SIGTERM'),
  });
  const listen = (addresses: readonly string[]) => console.listen(net, addresses, config.consolePort);
  const port = await listenForOperators({ config, logger, what: 'console', listen });
  return port === null ? null : { console, port };
}
