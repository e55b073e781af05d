import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { parseRule } from '../acl/rule.ts';
import { nearest } from '../magmad/nearest.ts';
import { address, list, nickname, seed, text, toggle, whole } from '../magmad/setting-schemas.ts';
import { SETTINGS, type SettingName, settingOf } from '../magmad/settings.ts';
import { UsageError } from '../magmad/usage.ts';
import { check, type Value } from '../magmad/values.ts';

/** The largest magma.toml, in characters. */
export const TOML_MAX = 64 * 1024;

/** An address and the length of its network's prefix: `192.168.1.20/24`. */
export const interfaceAddress = v.pipe(
  text,
  v.check((value) => {
    const [ip, bits, more] = value.split('/');
    const most = v.is(v.pipe(v.string(), v.ipv4()), ip) ? 32 : v.is(v.pipe(v.string(), v.ipv6()), ip) ? 128 : -1;
    return /^[0-9]{1,3}$/.test(bits ?? '') && Number(bits) >= 1 && Number(bits) <= most && more === undefined;
  }, 'must be an address and the length of its prefix, such as 192.168.1.20/24'),
);
const rule = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      parseRule(dataset.value, 'rule');
    } catch (error) {
      addIssue({ message: `is no rule: ${(error as Error).message.replaceAll('rule: ', '')}` });
    }
  }),
);
const sshKey = v.pipe(
  text,
  v.regex(
    /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [^\n\r]*)?$/,
    'must be a public key, such as "ssh-ed25519 AAAA... name"',
  ),
);
const interfaceName = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, 'must be the name of a network card, such as eth0'),
);
const key = v.pipe(
  SETTINGS.key.schema,
  v.check((value: string) => !/[\n\r]/.test(value), 'must be one line'),
);

const FLOATING = v.strictObject({
  address: interfaceAddress,
  others: v.pipe(list(address), v.minLength(1, 'must name at least one other volcano')),
  priority: v.optional(whole(1, 254, 'a priority'), 100),
  'router-id': v.optional(whole(1, 255, 'a router id'), 78),
});

const APPLIANCE = v.strictObject({
  nickname,
  address: v.optional(interfaceAddress),
  gateway: v.optional(address),
  dns: v.optional(list(address), []),
  ntp: v.optional(
    list(v.pipe(text, v.regex(/^[A-Za-z0-9:][A-Za-z0-9.:-]*$/, 'must be a host name or an address'))),
    [],
  ),
  interface: v.optional(interfaceName, 'eth0'),
  shares: v.optional(list(rule), []),
  key: v.optional(key),
  join: v.optional(list(seed), []),
  'ssh-keys': v.optional(list(sshKey), []),
  web: v.optional(toggle, false),
  magmad: v.optional(v.record(v.string(), v.unknown()), {}),
  floating: v.optional(FLOATING),
});

/** What a magma.toml says, checked. */
export type Appliance = v.InferOutput<typeof APPLIANCE>;

/** Settings of magmad that the appliance makes itself, and what to write instead. */
const MADE: ReadonlyMap<string, string> = new Map([
  ['boot', 'an appliance without join begins a network'],
  ['nickname', 'write it above [magmad]'],
  ['data', 'the data partition is the place'],
  ['join', 'write it above [magmad]'],
  ['key', 'write it above [magmad]'],
  ['key-file', 'write key above [magmad]'],
  ['share', 'write shares above [magmad]'],
  ['shares', 'write it above [magmad]'],
  ['portmap', 'the appliance serves its own'],
  ['portmap-port', 'clients look at 111 only'],
  ['nfs-port', 'the firewall opens 2049'],
  ['mount-port', 'the firewall opens 20048'],
  ['port', 'the firewall opens 12000'],
  ['node-port', 'the firewall opens 12001'],
  ['web', 'write it above [magmad]'],
  ['web-port', 'the firewall opens 12003'],
  ['web-listen', 'write web = true above [magmad]'],
  ['console-listen', 'use ssh'],
  ['time-port', 'clients look at 37 only'],
  ['tftp-port', 'clients look at 69 only'],
  ['bootparam-port', 'clients ask the portmapper'],
  ['pcnfsd-port', 'an appliance has no PCNFSD yet'],
]);

/**
 * Reads a magma.toml; null when nothing in it is set, as in the one that the image has. `file` is how messages name it. Throws `UsageError` that names file, key and cure;
 * it never repeats the network's key.
 */
export function readAppliance(source: string, file: string): Appliance | null {
  if (source.length > TOML_MAX) throw new UsageError(`${file} is larger than ${TOML_MAX} characters`);
  let table: Record<string, unknown>;
  try {
    // Editors of other systems begin a file with a mark, and end lines with two characters.
    table = parse(source.replace(/^\ufeff/, ''));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new UsageError(`${file}:${error.line}: this is not TOML: ${error.message.split('\n')[0]}`);
  }
  if (Object.keys(table).length === 0) return null;
  const read = v.safeParse(APPLIANCE, table, { abortEarly: true });
  if (!read.success) throw new UsageError(`${file}: ${inWords(read.issues[0])}`);
  checkMagmad(read.output.magmad, file);
  checkTogether(read.output, file);
  return read.output;
}

function inWords(issue: v.InferIssue<typeof APPLIANCE>): string {
  const path = v.getDotPath(issue) ?? '';
  const name = path.split('.').at(-1)!;
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const schema = path.startsWith('floating.') ? FLOATING : APPLIANCE;
    const close = nearest(name, Object.keys(schema.entries));
    const inside = settingOf(name) === undefined ? '' : '; a setting of magmad stands under [magmad]';
    return `${path} is not known${close === undefined ? inside : `; did you mean ${close}?`}`;
  }
  if (issue.type === 'strict_object')
    return `${path} is missing: it is needed${path === 'nickname' ? ", and is this volcano's name" : ''}`;
  const shown = path === 'key' ? 'the value' : (JSON.stringify(issue.input) ?? 'the value').slice(0, 80);
  return `${path}: ${shown} ${issue.message}`;
}

function checkMagmad(table: Record<string, unknown>, file: string): void {
  for (const [name, value] of Object.entries(table)) {
    const origin = `${file}: [magmad] ${name}`;
    const made = MADE.get(name);
    if (made !== undefined) throw new UsageError(`${origin} is set by the appliance: ${made}`);
    const setting = settingOf(name);
    if (setting === undefined || setting.only === 'flag' || setting.path === true)
      throw new UsageError(`${origin} is no setting that an appliance has`);
    check(name as SettingName, value, origin) satisfies Value;
  }
}

function checkTogether(settings: Appliance, file: string): void {
  if (settings.join.length > 0 && settings.key === undefined)
    throw new UsageError(`${file}: join needs the key of the network: key = "..."`);
  if (settings.web && settings.key === undefined)
    throw new UsageError(`${file}: web needs a key, which the page asks for: key = "..."`);
  if (settings.floating !== undefined && settings.key === undefined)
    throw new UsageError(`${file}: [floating] needs several volcanos, and so a key: key = "..."`);
  if (settings.gateway !== undefined && settings.address === undefined)
    throw new UsageError(`${file}: gateway without address: DHCP says what the gateway is; give both or none`);
}
