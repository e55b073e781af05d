/** What is wrong, for whoever has to choose an errno, an exit status or a log line. */
export type CipherFault =
  /** `gocryptfs.conf` cannot be read: no JSON, a field missing, of another type or out of bounds. */
  | 'CONF_BROKEN'
  /** `gocryptfs.conf` asks for something that is not done here: a flag, a version. */
  | 'CONF_UNSUPPORTED'
  /** The passphrase is empty or too long. */
  | 'PASSPHRASE_REFUSED'
  /** The master key does not come out with this passphrase. */
  | 'PASSPHRASE_WRONG'
  /** A master key in text that is none. */
  | 'MASTER_KEY_BROKEN'
  /** `gocryptfs.diriv` is no directory IV. */
  | 'DIRIV_BROKEN'
  /** A plain name that no file can have. */
  | 'NAME_REFUSED'
  /** A symlink's target that is empty or too long. */
  | 'TARGET_REFUSED'
  /** A symlink's target that was not encrypted with this key, or was altered. */
  | 'TARGET_BROKEN'
  /** A file's first 18 bytes are no header. */
  | 'HEADER_BROKEN'
  /** A block that was not encrypted with this key for this place of this file, or was altered. */
  | 'BLOCK_BROKEN'
  /** A file that ends inside its header or inside the overhead of a block, or a block that is shorter than the file says. */
  | 'BLOCK_TRUNCATED'
  /** A size or an offset above what a file can have. */
  | 'FILE_TOO_LARGE';

/** What cannot be encrypted or decrypted, and why. The message never holds a key, a passphrase, a plain name or contents. */
export class CipherError extends Error {
  override readonly name = 'CipherError';
  readonly fault: CipherFault;
  /** The number of the block, for faults of a block. */
  readonly block: number | undefined;

  constructor(fault: CipherFault, message: string, block?: number) {
    super(message);
    this.fault = fault;
    this.block = block;
  }
}
