import { hostname } from 'node:os';
import { RulesError } from './acl/problem.ts';
import { type Config, readConfig } from './magmad/config.ts';
import { helpText } from './magmad/help.ts';
import { run } from './magmad/lifecycle.ts';
import { openLog } from './magmad/logging.ts';
import { serviceManager } from './magmad/notify.ts';
import { checkOldMachines } from './magmad/old-machines/serve.ts';
import { reportConfig } from './magmad/report.ts';
import { readRules } from './magmad/rules.ts';
import { withoutKey } from './magmad/secret.ts';
import { UsageError } from './magmad/usage.ts';
import { VERSION } from './magmad/version.ts';
import { Volcano } from './magmad/volcano.ts';

/** Ends the process with status 2 when what it was told is wrong. */
function refuse(error: unknown): never {
  if (!(error instanceof UsageError || error instanceof RulesError)) throw error;
  for (const line of error.message.split('\n')) process.stderr.write(`magmad: ${line}\n`);
  process.exit(2);
}

async function serve(config: Config, argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const log = openLog({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    debug: config.debug,
  });
  const room = log.room('volcano');
  const manager = serviceManager(process.env, process.pid, room);
  for (const warning of config.warnings) room.warn({}, warning);
  room.debug({ settings: Object.fromEntries(config.origins) }, 'settings, and where they were set');
  const reread = (): Config => {
    const again = readConfig(argv, environment);
    return 'config' in again ? again.config : config;
  };
  await run((signal) => Volcano.start({ config, log, manager, reread, hostname: hostname(), signal }), room);
}

const argv = process.argv.slice(2);
const covered = withoutKey(argv);
if (covered !== null) process.title = ['magmad', ...covered].join(' ');
const environment = { ...process.env };
delete process.env.MAGMA_KEY;
try {
  const request = readConfig(argv, environment);
  if (request.ask === 'help') process.stdout.write(helpText());
  else if (request.ask === 'version') process.stdout.write(`magmad ${VERSION}\n`);
  else if (request.ask === 'check') {
    checkOldMachines(request.config.oldMachines);
    process.stdout.write(reportConfig(request.config, readRules(request.config)));
  } else await serve(request.config, argv, environment);
} catch (error) {
  refuse(error);
}
