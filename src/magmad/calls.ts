import type { Logger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import type { CallReport, RpcObserver } from '../rpc/observer.ts';
import type { Program } from '../rpc/program.ts';
import type { Log } from './logging.ts';

/** Programs whose rooms have other names. */
const ROOMS: ReadonlyMap<string, string> = new Map([
  ['nfs', 'nfs2'],
  ['nlm', 'lockd'],
  ['nsm', 'lockd'],
]);

/** Rooms in which calls are told of. */
const CALL_ROOMS = ['nfs2', 'rpc', 'mountd', 'lockd', 'portmap'] as const;

/** Logs every call while its channel is on, at level debug, in the room of its program; calls of unknown programs, and connections, in room `rpc`. */
export class CallLog implements RpcObserver {
  readonly #room: (name: string) => Logger;
  readonly #rpc: Logger;
  readonly #programs = new Map<number, { readonly program: Program; readonly room: string; readonly log: Logger }>();
  /** Rooms whose channels are on. */
  readonly #on = new Set<string>();

  constructor({ room, onDebug }: Pick<Log, 'room' | 'onDebug'>) {
    this.#room = room;
    this.#rpc = room('rpc');
    for (const name of CALL_ROOMS) onDebug(name, (on) => (on ? this.#on.add(name) : this.#on.delete(name)));
  }

  /** Knows that program by name from now on. */
  add(program: Program): void {
    const room = ROOMS.get(program.name) ?? program.name;
    this.#programs.set(program.number, { program, room, log: this.#room(room) });
  }

  call(report: CallReport): void {
    if (this.#on.size === 0) return;
    const { client, program, version, procedure, ...rest } = report;
    const served = this.#programs.get(program);
    if (!this.#on.has(served?.room ?? 'rpc')) return;
    const name = served?.program.versions.get(version)?.get(procedure)?.name ?? `${program}.${version}.${procedure}`;
    (served?.log ?? this.#rpc).debug({ client: client.address, port: client.port, ...rest }, name);
  }

  connection(event: 'opened' | 'closed' | 'refused', remote: Endpoint): void {
    if (this.#on.has('rpc')) this.#rpc.debug({ client: remote.address, port: remote.port }, `connection ${event}`);
  }
}
