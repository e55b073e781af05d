import * as v from 'valibot';
import { readEndpoints } from '../etcd/options.ts';
import { parseSeed } from './seeds.ts';

/** The longest nickname and server name, in bytes. */
export const NICKNAME_MAX = 64;
/** The most values of a setting that can be repeated. */
export const LIST_MAX = 1000;
/** The longest text of any setting, in characters. */
export const TEXT_MAX = 4096;

/** Text that is not empty. */
export const text = v.pipe(
  v.string('must be text'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(TEXT_MAX, `must be at most ${TEXT_MAX} characters long`),
);
/** On or off. */
export const toggle = v.boolean('must be true or false');
/** A nickname. */
export const nickname = v.pipe(
  text,
  v.maxLength(NICKNAME_MAX, `must be at most ${NICKNAME_MAX} characters long`),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'must begin with a letter or a digit and hold only letters, digits, ".", "_", "-"',
  ),
);
/** A host name or an address. */
export const hostName = v.pipe(
  text,
  v.maxLength(255, 'must be at most 255 characters long'),
  v.regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/, 'must be a host name or an address'),
);
/** A numeric address. */
export const address = v.pipe(text, v.ip('must be an IPv4 or IPv6 address, such as 192.168.1.20 or fd00::20'));
/** A volcano to join through. */
export const seed = v.pipe(
  text,
  v.check(
    (value) => parseSeed(value) !== null,
    'must be an address or a host name, with or without a port: 192.168.1.20, [fd00::20]:12001',
  ),
);
/** A client URL of etcd. */
export const etcdUrl = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      readEndpoints(dataset.value);
    } catch (error) {
      addIssue({ message: (error as Error).message });
    }
  }),
);
/** Several of them. */
export const list = (item: v.GenericSchema<any, any>) =>
  v.pipe(v.array(item, 'must be a list'), v.maxLength(LIST_MAX, `must have at most ${LIST_MAX} values`));
/** A whole number. */
export const whole = (low: number, high: number, what: string) => {
  const message = `must be ${what}, ${low} to ${high}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(low, message), v.maxValue(high, message));
};
/** A port number. */
export const port = whole(0, 65535, 'a port number');
/** One of some words. */
export const choice = (...values: string[]) => v.picklist(values, `must be one of ${values.join(', ')}`);
