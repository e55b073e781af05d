import type { Row } from './measure.ts';

/** One line for a row that has just been measured. */
export function progressLine({ server, operation, transport, window, result }: Row): string {
  const cpu = result.serverCpu === null ? '' : `, ${result.serverCpu.toFixed(2)} CPU us/op`;
  return `${server}: ${operation} ${transport} window ${window}: ${result.opsPerSecond.toFixed(0)} ops/s${cpu}`;
}
