import { VERSION } from './magmad/version.ts';
import { type FromServer, inheritedVault, serveInBackground } from './mount-magma/background.ts';
import { ExitError, ExitStatus } from './mount-magma/exit.ts';
import { serve, unlockFirst } from './mount-magma/foreground.ts';
import { HELP } from './mount-magma/help.ts';
import { type MountRequest, readRequest, treeText } from './mount-magma/request.ts';
import { info, init, passwd } from './mount-magma/tree-commands.ts';

/** Tells the process that started this one, if it waits, and lets go of it and of the directory that it was started in. */
function tell(message: FromServer): void {
  if (process.send === undefined || !process.connected) return;
  process.send(message, () => process.disconnect());
  process.chdir('/');
}

/** Ends the program with the status of what the user breaks off, for as long as nothing else answers these signals; gives what ends that. */
function interruptible(): () => void {
  const end = (): void => {
    process.stderr.write('mount.magma: broken off\n');
    process.exit(ExitStatus.interrupted);
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return () => {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const request = readRequest(argv);
  if (request.kind === 'mount') return mount(request, argv);
  interruptible();
  if (request.kind === 'help') process.stdout.write(HELP);
  else if (request.kind === 'version') process.stdout.write(`mount.magma ${VERSION}\n`);
  else if (request.kind === 'init') await init(request);
  else if (request.kind === 'passwd') await passwd(request);
  else await info(request);
  return ExitStatus.success;
}

async function mount(request: MountRequest, argv: readonly string[]): Promise<number> {
  if (request.foreground) return serve(request, inheritedVault(process.env), () => tell({ kind: 'mounted' }));
  const mayGoOn = interruptible();
  const vault = await unlockFirst(request);
  mayGoOn();
  const outcome = await serveInBackground(argv, request.key, vault);
  if (outcome.kind === 'failed') throw new ExitError(outcome.status as ExitStatus, outcome.message);
  if (request.verbose) process.stdout.write(`mount.magma: ${treeText(request)} mounted on ${request.target}\n`);
  return ExitStatus.success;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const status = error instanceof ExitError ? error.status : ExitStatus.internal;
  // What nobody expected is told with where it came from.
  const message = error instanceof ExitError ? error.message : error instanceof Error ? error.stack! : String(error);
  if (process.send === undefined) process.stderr.write(`mount.magma: ${message}\n`);
  tell({ kind: 'failed', status, message });
  process.exitCode = status;
}
