import { fileURLToPath } from 'node:url';
import { isLoopback } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { Assets } from '../web/assets.ts';
import type { WebParts } from '../web/parts.ts';
import { Readiness } from '../web/ready.ts';
import { WebServer } from '../web/server.ts';
import type { Config } from './config.ts';
import type { Log } from './logging.ts';
import type { Network } from './network.ts';
import { listenForOperators } from './operator-port.ts';
import { VERSION } from './version.ts';
import { webCertificate } from './web-certificate.ts';

/** The files of the page. */
const PAGE = fileURLToPath(new URL('../web/page/', import.meta.url));

/** What the web page is opened with. */
export interface WebPageOptions extends Pick<WebParts, 'rules'> {
  readonly config: Config;
  readonly log: Log;
  readonly network: Network;
}

/** Opens the web page; null when it is not wanted, or cannot be (`listenForOperators`). Rejects with the host's error, or `UsageError`. */
export async function openWeb(options: WebPageOptions): Promise<{ web: WebServer; port: number } | null> {
  const { config, log, network, rules } = options;
  if (!config.web) return null;
  const logger = log.room('web');
  const { tree, view: ring, store, nickname } = network;
  const readiness = new Readiness({ clock: systemClock, store, ring });
  const certificate = config.webListen.every(isLoopback)
    ? null
    : await webCertificate(config, nickname, logger, Date.now());
  const parts: WebParts = {
    ...{ clock: systemClock, random: systemRandom, logger, version: VERSION, nickname, key: network.isKey },
    ...{ tree, ring, store, rules },
    log: { lines: (count) => log.recent.last(count), added: () => log.recent.added },
    unready: () => readiness.unready(),
  };
  const web = new WebServer(parts, { assets: new Assets(PAGE), certificate });
  const listen = (addresses: readonly string[]) => web.listen(addresses, config.webPort);
  const port = await listenForOperators({ config, logger, what: 'web', listen });
  return port === null ? null : { web, port };
}
