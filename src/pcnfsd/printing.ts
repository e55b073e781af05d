import type { Procedure } from '../rpc/program.ts';
import type { Codec } from '../rpc/xdr.ts';
import { codecs } from './schema.ts';

/** `pirstat` and `pcrstat`: there is no printer of that name. `psrstat` has no word for it. */
const NO_SUCH_PRINTER = 1;
const START_FAILED = 4;
const ALERT_FAILED = 1;

const none = Buffer.alloc(0);
const comment = Buffer.from('this server has no printers', 'latin1');

function refusal<A, R>(name: string, args: Codec<A>, result: Codec<R>, answer: R): Procedure<A, R> {
  return { name, arguments: args, result, handle: () => answer };
}

/** Printing of version 1, refused: there is no printer. */
export function printing1(): ReadonlyMap<number, Procedure<any, any>> {
  const { printInit1, printInit1Results, printStart1, printStart1Results } = codecs;
  return new Map<number, Procedure<any, any>>([
    [2, refusal('PR_INIT', printInit1, printInit1Results, { status: NO_SUCH_PRINTER, directory: none })],
    [3, refusal('PR_START', printStart1, printStart1Results, { status: START_FAILED })],
  ]);
}

/** Printing of version 2, refused; and ALERT, since no operator is told. */
export function printing2(): ReadonlyMap<number, Procedure<any, any>> {
  const no = { status: NO_SUCH_PRINTER, comment };
  const noQueue = { ...no, mine: false, length: 0, shown: 0, more: false };
  const noStatus = { ...no, available: false, printing: false, length: 0, needsOperator: false, text: comment };
  const { printJob: job, noPrinter } = codecs;
  const start = { status: START_FAILED, job: none, comment };
  return new Map<number, Procedure<any, any>>([
    [2, refusal('PR_INIT', codecs.printInit, codecs.printInitResults, { ...no, directory: none })],
    [3, refusal('PR_START', codecs.printStart, codecs.printStartResults, start)],
    [4, refusal('PR_LIST', codecs.void, codecs.printListResults, { comment, more: false })],
    [5, refusal('PR_QUEUE', codecs.printQueue, codecs.printQueueResults, noQueue)],
    [6, refusal('PR_STATUS', codecs.printStatus, codecs.printStatusResults, noStatus)],
    [7, refusal('PR_CANCEL', job, noPrinter, no)],
    [8, refusal('PR_ADMIN', codecs.printAdmin, noPrinter, no)],
    [9, refusal('PR_REQUEUE', codecs.printRequeue, noPrinter, no)],
    [10, refusal('PR_HOLD', job, noPrinter, no)],
    [11, refusal('PR_RELEASE', job, noPrinter, no)],
    [14, refusal('ALERT', codecs.alert, noPrinter, { status: ALERT_FAILED, comment })],
  ]);
}
