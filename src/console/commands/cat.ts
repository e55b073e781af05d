import { FlareType } from '../../flare/types.ts';
import { pathOf, ROOT } from '../../operator/paths.ts';
import { harmless, unfinished } from '../../operator/text.ts';
import { type Command, CommandError } from '../command.ts';
import { typeText } from '../lines.ts';

/** So much of a file is shown at a time, in bytes. */
export const CAT_MAX = 256 * 1024;
const PIECE = 32 * 1024;

export const cat: Command = {
  name: 'cat',
  usage: 'PATH [OFFSET]',
  brief: 'what is in a file',
  help: [
    `Shows a file from byte OFFSET on (0 unless told), at most ${CAT_MAX / 1024} KiB. What a terminal would obey, and what is no UTF-8, is shown as \\xNN.`,
  ],
  completes: ['path'],
  wordsMin: 1,
  wordsMax: 2,
  async run({ words, find, wait, print, write, turn, parts }) {
    const offset = Number(words[1] ?? 0);
    if (!Number.isSafeInteger(offset) || offset < 0) throw new CommandError('OFFSET is a number of bytes');
    const { names, attributes } = await find(words[0]!);
    if (attributes.type !== FlareType.file)
      throw new CommandError(`${pathOf(names)} is a ${typeText(attributes.type)}, and no file`);
    const stop = offset + CAT_MAX;
    let at = offset;
    let kept = '';
    let last = '\n';
    for (let ended = false; !ended && at < stop; ) {
      const { data } = await wait(parts.tree.read(ROOT, attributes, at, Math.min(PIECE, stop - at)));
      at += data.length;
      ended = data.length === 0 || at >= attributes.size;
      const text = kept + data.toString('latin1');
      // A character may lie across two pieces.
      const whole = text.length - (ended || at >= stop ? 0 : unfinished(text));
      kept = text.slice(whole);
      last = text.at(whole - 1) ?? last;
      await write(harmless(text.slice(0, whole)));
      await turn();
    }
    if (last !== '\n') await write('\n');
    const { size } = await wait(parts.tree.getattr(attributes));
    if (at < size) await print(`... ${size - at} bytes more: cat PATH ${at}`);
  },
};
