import { FlareError } from '../flare/errors.ts';
import { latin1 } from './server.ts';

/** A name that is to be made: `.` and `..` are there in every directory already (EXIST). */
export function newName(bytes: Buffer): string {
  const name = latin1(bytes);
  if (name === '.' || name === '..') throw FlareError.of('EXIST');
  return name;
}
