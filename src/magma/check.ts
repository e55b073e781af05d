import { UsageError } from '../magmad/usage.ts';
export async function checkCommand(_argv: readonly string[]): Promise<number> {
  throw new UsageError('not wired');
}
