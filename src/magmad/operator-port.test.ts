import t from 'tap';
import type { Logger } from '../base/logger.ts';
import { silentLogger } from '../base/logger.ts';
import { readConfig } from './config.ts';
import { listenForOperators, type OperatorPort } from './operator-port.ts';

function failing(code: string): Error {
  return Object.assign(new Error(code), { code });
}

t.test(
  'console and web page: a port that is taken is none where nobody has said it, and an error where somebody has',
  async (t) => {
    for (const what of ['console', 'web'] as const) {
      const warnings: string[] = [];
      const logger: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
      const open = (argv: readonly string[], listen: OperatorPort['listen']) => {
        const asked = readConfig(argv, {});
        if (asked.ask !== 'serve') throw new Error(asked.ask);
        return listenForOperators({ config: asked.config, logger, what, listen });
      };
      const taken = async () => Promise.reject(failing('EADDRINUSE'));
      t.equal(await open([], taken), null);
      t.match(warnings, [new RegExp(`Cure: --${what}-port$`)]);
      await t.rejects(open([`--${what}-port`, '9'], taken), { code: 'EADDRINUSE' });
      await t.rejects(open([`--${what}-listen`, '127.0.0.1'], taken), { code: 'EADDRINUSE' });
      await t.rejects(
        open([], async () => Promise.reject(failing('EACCES'))),
        { code: 'EACCES' },
      );
      const four = async (addresses: readonly string[]) =>
        addresses.includes('::1') ? Promise.reject(failing('EADDRNOTAVAIL')) : 7;
      t.equal(await open([], four), 7, 'a machine without IPv6');
      t.equal(await open([], async () => Promise.reject(failing('EADDRNOTAVAIL'))), null);
      await t.rejects(open([`--${what}-listen`, '::1'], four), { code: 'EADDRNOTAVAIL' });
    }
  },
);
