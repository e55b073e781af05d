import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Something that is shown, and then typed. */
export type Exchange = readonly [shown: RegExp, typed: string];

/**
 * Runs a command on a terminal of its own (script(1)), types each answer when what goes before it is shown, and gives its exit status and all that the terminal showed.
 */
export async function onTerminal(
  command: readonly string[],
  exchanges: readonly Exchange[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly status: number | null; readonly shown: string }> {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qefc', quoted, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TERM: 'dumb', ...env },
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let shown = '';
  let seen = 0;
  const left = [...exchanges];
  child.stdout.on('data', (bytes: Buffer) => {
    shown += bytes.toString('latin1');
    const found = left[0]?.[0].exec(shown.slice(seen));
    if (found === null || found === undefined) return;
    seen += found.index + found[0].length;
    child.stdin.write(left.shift()![1]);
  });
  const [status] = await once(child, 'close');
  process.removeListener('exit', kill);
  return { status, shown };
}
