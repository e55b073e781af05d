import type { LogLine } from './api.ts';

/** The levels of the log, as pino numbers them. */
const LEVELS: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

/** A line of the log as the page is told it; what is no whole object of JSON (long lines are cut) is all text. */
export function logLine(line: string, now: number): LogLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    parsed = null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { time: now, level: LEVELS.info!, room: '', text: line.trimEnd(), fields: {} };
  const { time, level, room, msg, ...fields } = parsed as Record<string, unknown>;
  const at = typeof time === 'string' ? Date.parse(time) : Number(time);
  return {
    time: Number.isFinite(at) ? at : now,
    level: typeof level === 'number' ? level : (LEVELS[String(level)] ?? LEVELS.info!),
    room: typeof room === 'string' ? room : '',
    text: typeof msg === 'string' ? msg : '',
    fields,
  };
}
