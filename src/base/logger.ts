/**
 * What rooms write their log lines to; pino's loggers fit. Fields come first, the sentence second. A name space of its own
 * for each room is made with `child({ room })`.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
  child(fields: object): Logger;
}

const nothing = (): void => {};

/** A logger that drops everything: for tests and for tools that print their own. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => silentLogger,
};
