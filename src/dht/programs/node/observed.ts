import * as xdr from '@stellar/js-xdr';
import { CLIENT_PROCEDURES_MAX } from '../../../rpc/client-gauges.ts';
import { LATENCY_BOUNDS_MS } from '../../../rpc/procedure-gauges.ts';
import type { Value } from '../../../rpc/xdr.ts';
import {
  CLIENTS_OBSERVED_MAX,
  LINE_BYTES_MAX,
  LINES_OBSERVED_MAX,
  MOUNTS_OBSERVED_MAX,
  type Observation,
  PROCEDURES_OBSERVED_MAX,
  RULES_OBSERVED_MAX,
  SHARES_OBSERVED_MAX,
} from '../../observation.ts';
import { NICKNAME_MAX, VERSION_TEXT_MAX } from '../../projection/types.ts';

/** The longest address of a client, path, rule and name of a program or procedure, in bytes. */
const ADDRESS_MAX = 64;
const PATH_MAX = 1024;
const RULE_MAX = 8192;
const NAME_MAX = 64;

const count = xdr.uint64();
const path = xdr.varOpaque(PATH_MAX);

/** An observation as it goes over the wire: loss in hundredths of a percent, times in microseconds, paths as bytes, other text as UTF-8. */
export const ObservationSchema = xdr.struct('Observation', {
  nickname: xdr.string(NICKNAME_MAX),
  version: xdr.string(VERSION_TEXT_MAX),
  countedMs: count,
  clients: xdr.array(
    xdr.struct('ClientObserved', {
      client: xdr.string(ADDRESS_MAX),
      calls: count,
      retransmissions: count,
      duplicates: count,
      replayed: count,
      requestBytes: count,
      replyBytes: count,
      loss: xdr.uint32(),
      sick: xdr.bool(),
      quietMs: count,
      stuckMs: count,
      procedures: xdr.array(
        xdr.struct('ClientProcedure', { procedure: xdr.string(NAME_MAX), calls: count }),
        CLIENT_PROCEDURES_MAX,
      ),
      mounts: xdr.array(path, MOUNTS_OBSERVED_MAX),
      mountsInAll: xdr.uint32(),
    }),
    CLIENTS_OBSERVED_MAX,
  ),
  clientsInAll: xdr.uint32(),
  shares: xdr.array(
    xdr.struct('ShareObserved', { path, rules: xdr.array(xdr.varOpaque(RULE_MAX), RULES_OBSERVED_MAX) }),
    SHARES_OBSERVED_MAX,
  ),
  procedures: xdr.array(
    xdr.struct('ProcedureObserved', {
      program: xdr.string(NAME_MAX),
      version: xdr.uint32(),
      procedure: xdr.string(NAME_MAX),
      calls: count,
      refused: count,
      requestBytes: count,
      replyBytes: count,
      microseconds: count,
      buckets: xdr.array(count, LATENCY_BOUNDS_MS.length + 1),
    }),
    PROCEDURES_OBSERVED_MAX,
  ),
  lines: xdr.array(xdr.varOpaque(LINE_BYTES_MAX), LINES_OBSERVED_MAX),
});

type WireObservation = Value<typeof ObservationSchema>;

/** The text as UTF-8 of at most so many bytes, cut between characters. */
function cut(text: string, bytes: number): Buffer {
  const whole = Buffer.from(text);
  if (whole.length <= bytes) return whole;
  let end = bytes;
  while (end > 0 && (whole[end]! & 0xc0) === 0x80) end -= 1;
  return whole.subarray(0, end);
}

/** What a volcano tells, cut to what goes over the wire. */
export function wireObservation(told: Observation): WireObservation {
  return {
    nickname: Buffer.from(told.nickname, 'latin1'),
    version: Buffer.from(told.version, 'latin1'),
    countedMs: Math.round(told.countedMs),
    clients: told.clients
      .slice(0, CLIENTS_OBSERVED_MAX)
      .map(({ client, lossPercent, mounts, procedures, ...rest }) => ({
        ...rest,
        procedures: procedures.slice(0, CLIENT_PROCEDURES_MAX).map(({ procedure, calls }) => {
          return { procedure: cut(procedure, NAME_MAX), calls };
        }),
        client: cut(client, ADDRESS_MAX),
        loss: Math.round(lossPercent * 100),
        mounts: mounts.slice(0, MOUNTS_OBSERVED_MAX).map((mount) => Buffer.from(mount, 'latin1').subarray(0, PATH_MAX)),
      })),
    clientsInAll: told.clientsInAll,
    shares: told.shares.slice(0, SHARES_OBSERVED_MAX).map((share) => ({
      path: Buffer.from(share.path, 'latin1').subarray(0, PATH_MAX),
      rules: share.rules.slice(0, RULES_OBSERVED_MAX).map((rule) => cut(rule, RULE_MAX)),
    })),
    procedures: told.procedures.slice(0, PROCEDURES_OBSERVED_MAX).map(({ milliseconds, buckets, ...rest }) => ({
      ...rest,
      program: cut(rest.program, NAME_MAX),
      procedure: cut(rest.procedure, NAME_MAX),
      microseconds: Math.round(milliseconds * 1000),
      buckets: [...buckets],
    })),
    lines: told.lines.slice(-LINES_OBSERVED_MAX).map((line) => cut(line, LINE_BYTES_MAX)),
  };
}

/** What another volcano has told. Its texts are as it sent them: who shows them makes them harmless. */
export function observationFromWire(wire: WireObservation): Observation {
  return {
    nickname: wire.nickname.toString('latin1'),
    version: wire.version.toString('latin1'),
    countedMs: wire.countedMs,
    clients: wire.clients.map(({ client, loss, mounts, procedures, ...rest }) => ({
      ...rest,
      procedures: procedures.map(({ procedure, calls }) => ({ procedure: procedure.toString(), calls })),
      client: client.toString(),
      lossPercent: loss / 100,
      mounts: mounts.map((mount) => mount.toString('latin1')),
    })),
    clientsInAll: wire.clientsInAll,
    shares: wire.shares.map((share) => ({
      path: share.path.toString('latin1'),
      rules: share.rules.map((rule) => rule.toString()),
    })),
    procedures: wire.procedures.map(({ microseconds, ...rest }) => ({
      ...rest,
      program: rest.program.toString(),
      procedure: rest.procedure.toString(),
      milliseconds: microseconds / 1000,
    })),
    lines: wire.lines.map((line) => line.toString()),
  };
}
