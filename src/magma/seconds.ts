/** What a number of seconds on a command line means; `Error` when it is none, or none between these. */
export function secondsOf(flag: string, text: string, least: number, most: number): number {
  const seconds = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= least && seconds <= most) return seconds;
  throw new Error(`--${flag}: "${text}" is no number of seconds from ${least} to ${most}`);
}
