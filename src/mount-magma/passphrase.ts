import { ExitError, ExitStatus } from './exit.ts';
import type { Input } from './input.ts';
import { readSecretFile } from './secret.ts';

/** Where a passphrase comes from. */
export interface PassphraseSource {
  /** The option that names the file. */
  readonly option: string;
  /** null: it is asked for. */
  readonly file: string | null;
  readonly input: Input;
}

/**
 * A passphrase: the first line of a file, or one that is asked for, or the next line of standard input. The caller wipes it. Rejects with `ExitError` when there is none, or when
 * others could read the file.
 */
export async function passphraseFrom({ option, file, input }: PassphraseSource, prompt: string): Promise<Buffer> {
  const line = file === null ? await input.line(prompt) : readSecretFile(option, file);
  if (line !== null && line.length > 0) return line;
  const cure = `${option}=FILE, a file of mode 0600 with the passphrase in its first line`;
  const where = file !== null ? `${option} ${file}: ` : '';
  const none = file === null && line === null ? 'standard input is at its end' : 'the first line is empty';
  throw refused(
    file === null && input.interactive
      ? 'an empty passphrase protects nothing'
      : `${where}there is no passphrase: ${none}. Cure: ${cure}`,
  );
}

/** A new passphrase; whoever sits at a terminal is asked for it twice. As `passphraseFrom`. */
export async function newPassphraseFrom(source: PassphraseSource, prompt: string): Promise<Buffer> {
  const first = await passphraseFrom(source, prompt);
  if (source.file !== null || !source.input.interactive) return first;
  const second = (await source.input.line('Once more: ')) ?? Buffer.alloc(0);
  const same = first.equals(second);
  second.fill(0);
  if (same) return first;
  first.fill(0);
  throw refused('the two passphrases are not the same; nothing was changed');
}

function refused(message: string): ExitError {
  return new ExitError(ExitStatus.usage, message);
}
