import { FlareError, type FlareStatusName, UnavailableError } from '../../flare/errors.ts';

const REASONS: Partial<Record<FlareStatusName, string>> = {
  NOENT: 'no such file or directory in the network',
  EXIST: 'is there already. Cure: -f replaces it',
  NOTDIR: 'is no directory',
  ISDIR: 'is a directory. Cure: -r takes all that is in it',
  NOTEMPTY: 'the directory is not empty',
  INVAL: 'cannot be done to this type of file, or a directory would be in itself',
  NAMETOOLONG: 'a name has 1 to 255 bytes',
  DQUOT: 'the quota of who owns it in this share is used up',
  NOSPC: 'there is no space left in the network. Cure: magma ring tells how much each volcano has',
  FBIG: 'is too large for a file of the network',
  MLINK: 'has too many names',
  STALE: 'is gone by now',
  IO: 'the disk of its volcano cannot give it. Cure: look at magma ring, and at that disk',
};

/** The codes of Node's file system, in words. */
const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory on this machine',
  EACCES: 'this user may not do that here',
  EPERM: 'this user may not do that here',
  EEXIST: 'is there already. Cure: -f replaces it',
  EISDIR: 'is a directory',
  ENOTDIR: 'is no directory',
  ENOSPC: 'there is no space left on the disk of this machine',
  EDQUOT: "this user's quota on this machine is used up",
  EROFS: 'this file system may only be read',
  ENAMETOOLONG: 'the name or path is too long for this machine',
  ELOOP: 'too many symbolic links, or one in place of a directory',
};

/** What is in the way of one file or directory: `place` names it as it was named, the message says what and the cure. */
export class FileProblem extends Error {
  readonly place: string;

  constructor(place: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FileProblem';
    this.place = place;
  }

  /** A refusal of the tree or of this machine's files in words; what is a mistake of the program stays what it is. */
  static of(place: string, error: unknown): Error {
    if (error instanceof FileProblem || error instanceof Interrupted) return error;
    if (error instanceof FlareError) return new FileProblem(place, REASONS[error.status] ?? error.status);
    if (error instanceof UnavailableError) {
      const cure = 'Cure: start the volcano that is away (magma ring), or once more when another one has taken over';
      return new FileProblem(place, `no answer in time: ${error.message}. ${cure}`, { cause: error });
    }
    const { code, message } = error as NodeJS.ErrnoException;
    if (typeof code === 'string') return new FileProblem(place, CODES[code] ?? message, { cause: error });
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The user wants no more of it. */
export class Interrupted extends Error {
  constructor() {
    super('broken off');
    this.name = 'Interrupted';
  }
}
