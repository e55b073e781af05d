/** Bytes that are no value of their XDR type, or a value that does not fit its type. The message names the place and the cause. */
export class XdrError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'XdrError';
  }
}
