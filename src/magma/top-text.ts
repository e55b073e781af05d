import { tableOf } from '../base/table.ts';
import { plainText } from './plain.ts';
import type { ClientOrder, ProcedureOrder, TopView } from './top-view.ts';

/** A rate in few characters. */
export function rateText(perSecond: number): string {
  return perSecond === 0 ? '0' : perSecond < 9.95 ? perSecond.toFixed(1) : `${Math.round(perSecond)}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes in few characters: `17.3 MiB`. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1023.5 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 99.95 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** Milliseconds in few characters: `0.21`, `4.5`, `120`. */
export function millisecondsText(milliseconds: number | null): string {
  if (milliseconds === null) return '-';
  return milliseconds < 0.995
    ? milliseconds.toFixed(2)
    : milliseconds < 9.95
      ? milliseconds.toFixed(1)
      : `${Math.round(milliseconds)}`;
}

/** The ring in a few lines. */
export function ringLines(view: TopView): string[] {
  const { volcanos, problems, epoch, callsPerSecond, singleCopies, slices, seconds } = view;
  const all = volcanos.length + problems.length;
  const shares = volcanos.map((one) => `${one.volcano} ${rateText(one.callsPerSecond)}`).join(', ');
  return [
    `${all} ${all === 1 ? 'volcano' : 'volcanos'}, epoch ${epoch}: ${rateText(callsPerSecond)} calls/s over ${seconds.toFixed(1)} s${shares === '' ? '' : ` (${shares})`}`,
    ...problems.map(({ volcano, problem }) => plainText(`${volcano} DOES NOT ANSWER: ${problem}`)),
    ...(singleCopies > 0 && all > 1 ? [`${singleCopies} of ${slices} slices have a SINGLE COPY`] : []),
  ];
}

/** Procedures as a table. */
export function procedureLines({ procedures }: TopView): string[] {
  const rows = procedures.map((one) => [
    plainText(`${one.program} ${one.procedure}`),
    rateText(one.callsPerSecond),
    millisecondsText(one.p50Ms),
    millisecondsText(one.p99Ms),
    rateText(one.refusedPerSecond),
    bytesText(one.requestBytesPerSecond),
    bytesText(one.replyBytesPerSecond),
    `${one.calls}`,
  ]);
  return tableOf(['procedure', 'calls/s', 'p50 ms', 'p99 ms', 'refused/s', 'in/s', 'out/s', 'in all'], rows);
}

/** Clients as a table. */
export function clientLines({ clients, clientsInAll }: TopView): string[] {
  const rows = clients.map((one) => [
    plainText(one.client),
    plainText(one.volcano),
    rateText(one.callsPerSecond),
    bytesText(one.requestBytesPerSecond),
    bytesText(one.replyBytesPerSecond),
    `${one.again}`,
    `${one.lossPercent} %${one.sick ? ' SICK' : ''}`,
    `${one.calls}`,
  ]);
  const more = clientsInAll - clients.length;
  return [
    ...tableOf(['client', 'volcano', 'calls/s', 'in/s', 'out/s', 'again', 'loss', 'in all'], rows),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}

/** All of it, for a pipe. */
export function wholeText(view: TopView): string {
  return [...ringLines(view), '', ...procedureLines(view), '', ...clientLines(view), ''].join('\n');
}

/** What a screen shows besides the view. */
export interface ScreenState {
  readonly clients: ClientOrder;
  readonly procedures: ProcedureOrder;
}

/** The lines of a screen of that size, none longer or more than fit: of procedures, who get at most half of it, and of clients those that stand first. */
export function screenLines(view: TopView, state: ScreenState, columns: number, rows: number): string[] {
  const fit = (lines: readonly string[], most: number): string[] => lines.slice(0, Math.max(0, most));
  const keys = `q ends   c clients by ${state.clients}   p procedures by ${state.procedures}`;
  const head = fit(ringLines(view), rows - 1);
  const left = rows - head.length - 3;
  const procedures = procedureLines(view);
  const clients = clientLines(view);
  const half = Math.max(Math.floor(left / 2), left - clients.length);
  const upper = fit(procedures, half);
  const lower = fit(clients, left - upper.length);
  const body = [...head, '', ...upper, '', ...lower].slice(0, Math.max(0, rows - 1));
  while (body.length < rows - 1) body.push('');
  return [...body, keys].map((line) => line.slice(0, columns));
}
