import type { ReadStream } from 'node:tty';
import { PASSPHRASE_BYTES_MAX } from '../client-fuse/crypto/stretch.ts';
import { ExitError, ExitStatus } from './exit.ts';
import { LineEditor } from './line-editor.ts';

/** Where passphrases come from that no file holds. */
export interface Input {
  /** Whether somebody sits there who can be asked twice. */
  readonly interactive: boolean;
  /** The next line, for the caller to wipe; null when there is none. Rejects with `ExitError` when it is broken off. */
  line(prompt: string): Promise<Buffer | null>;
  /** Lets go of it: what was read and not asked for is wiped. */
  close(): void;
}

/** The terminal that standard input is, without echo; or else standard input, line by line. */
export function standardInput(): Input {
  return process.stdin.isTTY ? terminal(process.stdin, process.stderr) : lines(process.stdin);
}

/** Asks on a terminal: the prompt goes to `output`, nothing that is typed is shown. */
function terminal(input: ReadStream, output: NodeJS.WritableStream): Input {
  const ask = (prompt: string): Promise<Buffer> => {
    const editor = new LineEditor();
    return new Promise<Buffer>((resolve, reject) => {
      const end = (): void => {
        input.off('data', hear);
        input.setRawMode(false);
        input.pause();
        output.write('\n');
        editor.wipe();
      };
      const hear = (keys: Buffer): void => {
        const typed = editor.type(keys);
        keys.fill(0);
        if (typed === 'more') return;
        const line = editor.line();
        end();
        if (typed === 'done') resolve(line);
        else reject(new ExitError(ExitStatus.interrupted, 'broken off'));
      };
      // Before the prompt: whoever sees it can type.
      input.setRawMode(true);
      input.on('data', hear);
      output.write(prompt);
      input.resume();
    });
  };
  return { interactive: true, line: ask, close: () => input.pause() };
}

/** Lines of what is no terminal. What goes on for more than `PASSPHRASE_BYTES_MAX` is given as it is, and refused later. */
export function lines(input: NodeJS.ReadableStream): Input {
  let kept: Buffer = Buffer.alloc(0);
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const more = async (): Promise<Buffer | null> => {
    try {
      const { done, value } = await chunks.next();
      return done === true ? null : value;
    } catch (error) {
      throw new ExitError(ExitStatus.usage, `standard input: ${(error as Error).message}`);
    }
  };
  const line = async (): Promise<Buffer | null> => {
    for (;;) {
      const end = kept.indexOf(0x0a);
      if (end >= 0 || kept.length > PASSPHRASE_BYTES_MAX) {
        const taken = Buffer.from(kept.subarray(0, end >= 0 ? end : kept.length));
        const rest = Buffer.from(kept.subarray(end >= 0 ? end + 1 : kept.length));
        kept.fill(0);
        kept = rest;
        return taken;
      }
      const chunk = await more();
      if (chunk === null) {
        const last = kept;
        kept = Buffer.alloc(0);
        return last.length > 0 ? last : null;
      }
      const all = Buffer.concat([kept, chunk]);
      kept.fill(0);
      chunk.fill(0);
      kept = all;
    }
  };
  const close = (): void => {
    kept.fill(0);
    void chunks.return?.();
  };
  return { interactive: false, line, close };
}
