import type { ClientFigures } from '../rpc/client-gauges.ts';
import type { ProcedureFigures } from '../rpc/procedure-gauges.ts';

/** The most clients in one observation, those whose networks lose most first, and mounts of each. */
export const CLIENTS_OBSERVED_MAX = 500;
export const MOUNTS_OBSERVED_MAX = 3;
/** The most shares in one, and of rules of each. */
export const SHARES_OBSERVED_MAX = 256;
export const RULES_OBSERVED_MAX = 64;
/** The most procedures in one. */
export const PROCEDURES_OBSERVED_MAX = 256;
/** The most lines of the log in one, and bytes of each (UTF-8). */
export const LINES_OBSERVED_MAX = 500;
export const LINE_BYTES_MAX = 4096;

/** A client as a volcano sees it; one that has mounted, and has not called since the volcano has started, has 0 in all. */
export interface ClientObserved extends ClientFigures {
  /** What it has mounted, as far as it has told: the first `MOUNTS_OBSERVED_MAX` paths (bytes as Latin-1 strings), and how many in all. */
  readonly mounts: readonly string[];
  readonly mountsInAll: number;
}

/** A share: the topmost of the paths that have rules. */
export interface ShareObserved {
  /** Bytes as a Latin-1 string. */
  readonly path: string;
  /** The rules of it and below it as they could be written, made readable: path, network, permission, and the options that are not the default's. */
  readonly rules: readonly string[];
}

/** What one volcano sees and serves, for operators. */
export interface Observation {
  /** Of who tells it. */
  readonly nickname: string;
  readonly version: string;
  /** How long it has been counting, in milliseconds. */
  readonly countedMs: number;
  readonly clients: readonly ClientObserved[];
  readonly clientsInAll: number;
  readonly shares: readonly ShareObserved[];
  /** Of the programs that NFS clients call. */
  readonly procedures: readonly ProcedureFigures[];
  /** The last lines of the log, oldest first: an object of JSON each; none unless they were asked for. */
  readonly lines: readonly string[];
}

/** What is observed where nothing is. */
export const NOTHING_OBSERVED: Omit<Observation, 'nickname'> = {
  ...{ version: '', countedMs: 0, clients: [], clientsInAll: 0 },
  ...{ shares: [], procedures: [], lines: [] },
};

/** What is asked of an observer: at most so many clients and lines of the log. */
export interface Observing {
  readonly clients: number;
  readonly lines: number;
}
