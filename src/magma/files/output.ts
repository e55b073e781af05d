import { once } from 'node:events';
import { shown } from '../../operator/text.ts';
import { Interrupted } from './problem.ts';

/** Standard output as commands about files use it: bytes as Latin-1 strings. */
export class Output {
  readonly #to: NodeJS.WriteStream;
  #broken: NodeJS.ErrnoException | null = null;
  #gathered = '';

  constructor(to: NodeJS.WriteStream = process.stdout) {
    this.#to = to;
    to.on('error', (error) => {
      this.#broken ??= error;
    });
  }

  get terminal(): boolean {
    return this.#to.isTTY === true;
  }

  get columns(): number {
    return this.#to.columns ?? 80;
  }

  /** A name as it is written there: `\xNN` for what a terminal would obey or is no UTF-8; the bytes as they are where no terminal is. */
  readonly text = (name: string): string => (this.terminal ? shown(name) : name);

  async line(text: string): Promise<void> {
    this.#gathered += `${text}\n`;
    if (this.#gathered.length >= 64 * 1024) await this.flush();
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#gathered, 'latin1');
    this.#gathered = '';
    if (bytes.length > 0) await this.write(bytes);
  }

  /** Resolves when there is room for more. Rejects with `Interrupted` when nobody reads any more. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#broken === null && !this.#to.write(bytes))
      await once(this.#to, 'drain').catch((error: NodeJS.ErrnoException) => {
        this.#broken ??= error;
      });
    if (this.#broken?.code === 'EPIPE') throw new Interrupted();
    if (this.#broken !== null) throw this.#broken;
  }
}
