import { tableOf } from '../../base/table.ts';
import { told } from '../../operator/text.ts';
import { type Command, CommandError, type Run } from '../command.ts';
import { timeText } from '../lines.ts';

/** Records and lines that are shown unless told, and at most. */
export const SHOWN = 20;
export const SHOWN_MAX = 1000;

export const log: Command = {
  name: 'log',
  usage: '[records | lines] [COUNT]',
  brief: 'the last records, the last lines',
  help: [
    'log records: the last records of the KML, the log in which all changes of this volcano lie: number in the log, time (UTC), slice, epoch and number in it, operation, bytes.',
    'log lines: the last lines that magmad has written into its log since it started; the last 1000 are kept.',
    `log alone shows both. COUNT of each: ${SHOWN} unless told, at most ${SHOWN_MAX}.`,
  ],
  completes: [['records', 'lines']],
  wordsMax: 2,
  async run(run) {
    const [first, second] = run.words;
    const which = first === 'records' || first === 'lines' ? first : null;
    if (which === null && second !== undefined) throw new CommandError(`records or lines, not ${told(first!)}`);
    const count = Number((which === null ? first : second) ?? SHOWN);
    if (!Number.isInteger(count) || count < 1 || count > SHOWN_MAX)
      throw new CommandError(`COUNT is a number, 1 to ${SHOWN_MAX}`);
    if (which !== 'lines') await records(run, count);
    if (which === null) await run.print('');
    if (which !== 'records') await run.print(...run.parts.log.lines(count).map(lineText));
  },
};

async function records({ parts, wait, print }: Run, count: number): Promise<void> {
  const rows = (await wait(parts.store.lastRecords(count))).map(
    ({ lsn, time, slice, epoch, number, operation, bytes }) => [
      ...[
        `${lsn}`,
        timeText({ seconds: Math.floor(time / 1e6) }),
        `${slice}`,
        `${epoch}`,
        `${number}`,
        operation,
        `${bytes}`,
      ],
    ],
  );
  await print(...tableOf(['record', 'time', 'slice', 'epoch', 'number', 'operation', 'bytes'], rows));
}

/** A line of the log for people; as it is when it is no JSON. */
function lineText(line: string): string {
  try {
    const { time, level, room, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
    return told(
      `${String(time).slice(0, 19).replace('T', ' ')} ${String(level)} ${String(room)}: ${String(msg)}${more}`,
    );
  } catch {
    return told(line.trimEnd());
  }
}
