import type { Guesses } from '../operator/guesses.ts';
import type { Terminal } from './terminal.ts';

/** Keys that one session may try. */
export const TRIES_MAX = 3;
/** How long the key may take to be typed, in milliseconds. */
export const KEY_MS = 60_000;

/** Who comes from another machine must know the network's key: asks for it; true when it was given. */
export async function login(guesses: Guesses, terminal: Terminal, address: string): Promise<boolean> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (guesses.isExhausted(address)) {
      await terminal.print('Too many wrong keys: come back in ten minutes, or from the volcano itself.\n');
      return false;
    }
    const line = await terminal.line('Key of the network: ', { hidden: true, idleMs: KEY_MS });
    if (typeof line !== 'string') return false;
    if (await guesses.isKey(Buffer.from(line, 'latin1'), address, 'the console')) return true;
    await terminal.print('That is not the key.\n');
  }
  return false;
}
