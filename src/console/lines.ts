import { type Attributes, FlareType, type Time } from '../flare/types.ts';

const LETTERS: Readonly<Record<FlareType, string>> = {
  [FlareType.file]: '-',
  [FlareType.directory]: 'd',
  [FlareType.block]: 'b',
  [FlareType.character]: 'c',
  [FlareType.symlink]: 'l',
  [FlareType.socket]: 's',
  [FlareType.fifo]: 'p',
};
const WORDS: Readonly<Record<FlareType, string>> = {
  [FlareType.file]: 'file',
  [FlareType.directory]: 'directory',
  [FlareType.block]: 'block device',
  [FlareType.character]: 'character device',
  [FlareType.symlink]: 'symbolic link',
  [FlareType.socket]: 'socket',
  [FlareType.fifo]: 'fifo',
};

/** What a flare is, in words. */
export function typeText(type: FlareType): string {
  return WORDS[type];
}

/** Type and permissions as `ls -l` writes them. */
export function modeText({ type, mode }: Pick<Attributes, 'type' | 'mode'>): string {
  const bits = (shift: number, special: boolean, letter: string): string => {
    const three = (mode >> shift) & 7;
    const executes = (three & 1) !== 0;
    const last = special ? (executes ? letter : letter.toUpperCase()) : executes ? 'x' : '-';
    return `${three & 4 ? 'r' : '-'}${three & 2 ? 'w' : '-'}${last}`;
  };
  const setuid = (mode & 0o4000) !== 0;
  const setgid = (mode & 0o2000) !== 0;
  const sticky = (mode & 0o1000) !== 0;
  return `${LETTERS[type]}${bits(6, setuid, 's')}${bits(3, setgid, 's')}${bits(0, sticky, 't')}`;
}

/** `2026-11-21 17:54:15` UTC. */
export function timeText({ seconds }: Pick<Time, 'seconds'>): string {
  const at = new Date(seconds * 1000);
  return Number.isNaN(at.getTime()) ? `${seconds} s` : at.toISOString().slice(0, 19).replace('T', ' ');
}
