/** Says what is wrong with a backup, or why none can be made, and what to do; for people. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}
