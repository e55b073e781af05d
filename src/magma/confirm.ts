import { createInterface } from 'node:readline/promises';
import { UsageError } from '../magmad/usage.ts';

/** Asks the operator to type `word` before something that cannot be taken back; `yes`: he has said so already (`--yes`). Throws `UsageError` where nobody can be asked. */
export async function confirmed(command: string, word: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (process.stdin.isTTY !== true)
    throw new UsageError(
      `${command}: there is no terminal to ask for a confirmation on. Cure: --yes, when it is to be done`,
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Type ${word} to do it, anything else to leave all as it is: `);
    return answer.trim() === word;
  } finally {
    terminal.close();
  }
}
