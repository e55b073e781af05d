import type { Logger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import type { CallReport, RpcObserver } from '../rpc/observer.ts';
import type { Program } from '../rpc/program.ts';

/** Programs whose rooms have other names. */
const ROOMS: ReadonlyMap<string, string> = new Map([['nfs', 'nfs2']]);

/** Logs every call, at level debug, in the room of its program; calls of unknown programs, and connections, in room `rpc`. */
export class CallLog implements RpcObserver {
  readonly #room: (name: string) => Logger;
  readonly #rpc: Logger;
  readonly #programs = new Map<number, { readonly program: Program; readonly log: Logger }>();

  constructor(room: (name: string) => Logger) {
    this.#room = room;
    this.#rpc = room('rpc');
  }

  /** Knows that program by name from now on. */
  add(program: Program): void {
    this.#programs.set(program.number, { program, log: this.#room(ROOMS.get(program.name) ?? program.name) });
  }

  call(report: CallReport): void {
    const { client, program, version, procedure, ...rest } = report;
    const served = this.#programs.get(program);
    const name = served?.program.versions.get(version)?.get(procedure)?.name ?? `${program}.${version}.${procedure}`;
    (served?.log ?? this.#rpc).debug({ client: client.address, port: client.port, ...rest }, name);
  }

  connection(event: 'opened' | 'closed' | 'refused', remote: Endpoint): void {
    this.#rpc.debug({ client: remote.address, port: remote.port }, `connection ${event}`);
  }
}
