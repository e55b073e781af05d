import { stringify } from 'smol-toml';
import type { Config } from '../../magmad/config.ts';
import type { Seed } from '../../magmad/seeds.ts';
import type { SettingName } from '../../magmad/settings.ts';

/** What magmad is to be told to join. */
export interface Recipe {
  readonly nickname: string;
  readonly through: Seed;
  readonly config: Config;
  /** The file with the key; null: it was given otherwise. */
  readonly keyFile: string | null;
}

function seedText({ host, port }: Seed): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The settings by name; ports and the like only when somebody has set them. */
function settingsOf({ nickname, through, config, keyFile }: Recipe): [SettingName, string | number | string[]][] {
  const { data, addresses, nfsPort, mountPort, port, nodePort, portmap, portmapPort, sharesFile, shares, etcd } =
    config;
  const all: [SettingName, string | number | string[] | null][] = [
    ['nickname', nickname],
    ['data', data],
    ['join', [seedText(through)]],
    ['key-file', keyFile],
    ['address', addresses.length === 0 ? null : [...addresses]],
    ...Object.entries({
      ...{
        'nfs-port': nfsPort,
        'mount-port': mountPort,
        port,
        'node-port': nodePort,
        portmap,
        'portmap-port': portmapPort,
      },
    }).map(([name, value]): [SettingName, string | number | null] => [
      name as SettingName,
      config.origins.has(name as SettingName) ? value : null,
    ]),
    ['shares', sharesFile],
    ['share', shares.length === 0 ? null : shares.map(({ rule }) => rule)],
    ['etcd', etcd === null ? null : [...etcd.urls]],
    ['etcd-ca', etcd?.ca ?? null],
    ['etcd-cert', etcd?.cert ?? null],
    ['etcd-cert-key', etcd?.certKey ?? null],
    ['etcd-user', etcd?.user ?? null],
    ['etcd-password-file', etcd?.passwordFile ?? null],
  ];
  return all.filter((setting): setting is [SettingName, string | number | string[]] => setting[1] !== null);
}

function quoted(text: string): string {
  return /^[\w./:@,=[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command line, for a shell. */
export function commandLine(recipe: Recipe): string {
  const flags = settingsOf(recipe).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [`--${name}`, quoted(`${one}`)]),
  );
  return ['magmad', ...flags, ...(recipe.keyFile === null ? ['--key-file', 'FILE'] : [])].join(' ');
}

/** The same as a configuration file, `magmad.toml`. */
export function tomlText(recipe: Recipe): string {
  const key =
    recipe.keyFile === null
      ? '# The network\'s key belongs into a file that magmad alone may read.\n# key-file = "/etc/magma/key"\n'
      : '';
  return `${stringify(Object.fromEntries(settingsOf(recipe)))}${key}`;
}
