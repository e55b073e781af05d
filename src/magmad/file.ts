import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { nearest } from './nearest.ts';
import { SETTINGS, type Setting, type SettingName, settingOf } from './settings.ts';
import { UsageError } from './usage.ts';
import { check, type Given, type Source } from './values.ts';

/** The largest configuration, shares or key file, in bytes. */
export const FILE_MAX = 1024 * 1024;

/** What a configuration file sets. Throws `UsageError` that names file, line and cure. */
export function readConfigFile(path: string): Source {
  const source = readTextFile(path, '--config');
  let table: Record<string, unknown>;
  try {
    table = parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new UsageError(`${path}:${error.line}: this is not TOML: ${reason}`);
  }
  const given = new Map<SettingName, Given>();
  for (const [key, value] of Object.entries(table)) {
    const origin = `${path}:${lineOf(source, key)}: ${key}`;
    const setting = settingOf(key);
    if (setting === undefined) throw unknownKey(key, origin);
    if (setting.only === 'flag') throw new UsageError(`${origin} can only be given as a flag, --${key}`);
    if (setting.only === 'secret' && othersMayRead(path)) {
      throw new UsageError(
        `${origin} stands in a file that others may read. Cure: chmod 600 ${path}, or put the key in a file of its own (key-file)`,
      );
    }
    const checked = check(key as SettingName, value, origin);
    const absolute = setting.path === true ? resolve(dirname(path), checked as string) : checked;
    given.set(key as SettingName, { value: absolute, origin });
  }
  return given;
}

/** A small file. Throws `UsageError` that begins with `origin` and says why it cannot be used. */
export function readBytes(path: string, origin: string): Buffer {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= FILE_MAX) return bytes;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new UsageError(`${origin}: cannot read ${path}: ${REASONS.get(code) ?? (error as Error).message}`);
  }
  throw new UsageError(`${origin}: ${path} is larger than ${FILE_MAX} bytes, which no such file is`);
}

/** A small text file, as `readBytes`. */
export function readTextFile(path: string, origin: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(path, origin));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${origin}: ${path} is not UTF-8 text`);
  }
}

/** Reasons of the host, in words. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'this user may not read it'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of its path is not a directory'],
]);

/** True when others than its owner may read that file. */
export function othersMayRead(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0;
}

/** The line that sets that key; keys are not nested, so the first line that begins with it is the one. */
function lineOf(source: string, key: string): number {
  const name = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`^\\s*(\\[{1,2}\\s*)?["']?${name}["']?\\s*[.=\\]]`);
  return source.split('\n').findIndex((line) => pattern.test(line)) + 1 || 1;
}

function unknownKey(key: string, origin: string): UsageError {
  const known = Object.entries<Setting>(SETTINGS).flatMap(([name, { only }]) => (only === 'flag' ? [] : [name]));
  const close = nearest(key.replaceAll('_', '-'), known);
  const cure = close === undefined ? `the keys are ${known.join(', ')}` : `did you mean "${close}"?`;
  return new UsageError(`${origin} is not a key of magmad's configuration; ${cure}`);
}
