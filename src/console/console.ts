import { isLoopback } from '../base/address.ts';
import type { Net, Stream, StreamListener } from '../base/net.ts';
import { Guesses } from '../operator/guesses.ts';
import { login } from './login.ts';
import type { ConsoleParts } from './parts.ts';
import { Session } from './session.ts';
import { Terminal } from './terminal.ts';

/** Sessions at once, and those of them that may come from other machines: the volcano's own operator always finds room. */
export const SESSIONS_MAX = 16;
export const REMOTE_SESSIONS_MAX = 8;

/** The console, on a port. */
export class Console {
  readonly #parts: ConsoleParts;
  readonly #guesses: Guesses | null;
  readonly #sessions = new Map<Stream, { readonly remote: boolean; readonly terminal: Terminal }>();
  #listener: StreamListener | null = null;

  constructor(parts: ConsoleParts) {
    this.#parts = parts;
    const { clock, logger, key } = parts;
    this.#guesses = key === null ? null : new Guesses(clock, logger, key);
  }

  /** Listens; resolves with the port. Rejects with the host's error. */
  async listen(net: Net, addresses: readonly string[], port: number): Promise<number> {
    const listener = await net.listen(addresses, port);
    this.#listener = listener;
    listener.onConnection((stream) => this.take(stream));
    return listener.local[0]!.port;
  }

  /** How many sessions there are. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Serves one client. */
  take(stream: Stream): void {
    const { address } = stream.remote;
    const remote = !isLoopback(address);
    const others = [...this.#sessions.values()].filter((one) => one.remote).length;
    const full = this.#sessions.size >= SESSIONS_MAX || (remote && others >= REMOTE_SESSIONS_MAX);
    if (full || (remote && this.#guesses === null)) {
      const why = full
        ? 'There are too many sessions already.'
        : 'Without a key, the console is for this machine only.';
      stream.write(Buffer.from(`${why}\r\n`, 'latin1'));
      stream.end();
      return;
    }
    const terminal = new Terminal(stream, this.#parts.clock);
    this.#sessions.set(stream, { remote, terminal });
    void this.#serve(terminal, remote, address).finally(() => {
      this.#sessions.delete(stream);
      terminal.end();
    });
  }

  async #serve(terminal: Terminal, remote: boolean, address: string): Promise<void> {
    const { logger } = this.#parts;
    try {
      if (remote && !(await login(this.#guesses!, terminal, address))) return;
      logger.info({ address }, 'a session at the console began');
      await new Session(terminal, this.#parts).run();
      logger.info({ address }, 'a session at the console ended');
    } catch (error) {
      logger.error({ err: error }, 'a session at the console failed');
    }
  }

  /** Lets nobody in any more, and ends all sessions. */
  async close(): Promise<void> {
    await this.#listener?.close();
    for (const stream of this.#sessions.keys()) {
      stream.write(Buffer.from('\r\nThe volcano stops.\r\n', 'latin1'));
      stream.end();
    }
  }
}
