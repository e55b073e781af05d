import type { Logger } from '../base/logger.ts';
import type { Config } from './config.ts';

/** A port for operators, and who is to listen on it. */
export interface OperatorPort {
  readonly config: Config;
  readonly logger: Logger;
  readonly what: 'console' | 'web';
  /** Resolves with the port. Rejects with the host's error. */
  readonly listen: (addresses: readonly string[]) => Promise<number>;
}

const NAMES = { console: 'the console', web: 'the web page' } as const;

/**
 * Listens for operators; resolves with the port, or with null when nobody has said where that is to be and it cannot be there: volcanos that share a machine would else need a setting
 * each. Rejects with the host's error.
 */
export async function listenForOperators({ config, logger, what, listen }: OperatorPort): Promise<number | null> {
  const wanted = what === 'console' ? config.consoleListen : config.webListen;
  const port = what === 'console' ? config.consolePort : config.webPort;
  const given = config.origins.has(`${what}-listen`);
  // Not every machine has both loopback addresses.
  const tries = given ? [wanted] : [wanted, ...wanted.map((one) => [one])];
  let problem: unknown;
  for (const addresses of tries) {
    try {
      return await listen(addresses);
    } catch (error) {
      problem ??= error;
      if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') {
        problem = error;
        break;
      }
    }
  }
  const { code } = problem as NodeJS.ErrnoException;
  const mustBe = given || config.origins.has(`${what}-port`);
  if (mustBe || (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL')) throw problem;
  logger.warn({ port, code }, `${NAMES[what]} cannot listen on its port: there is none. Cure: --${what}-port`);
  return null;
}
