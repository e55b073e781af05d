import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { SharedProjectionStore } from '../dht/projection/shared-store.ts';
import type { ProjectionStore } from '../dht/projection/store.ts';
import { EtcdClient } from '../etcd/client.ts';
import { ENDPOINTS_MAX, type EtcdOptions, readEndpoints } from '../etcd/options.ts';
import { readBytes, readTextFile } from './file.ts';
import type { SettingName } from './settings.ts';
import { UsageError } from './usage.ts';

/** How etcd is reached, as it was told; paths are absolute. */
export interface EtcdConfig {
  readonly urls: readonly string[];
  readonly ca: string | null;
  readonly cert: string | null;
  readonly certKey: string | null;
  readonly user: string | null;
  readonly passwordFile: string | null;
}

const NEEDS_ETCD: readonly SettingName[] = ['etcd-ca', 'etcd-cert', 'etcd-cert-key', 'etcd-user', 'etcd-password-file'];
const PAIRS: readonly (readonly [SettingName, SettingName])[] = [
  ['etcd-cert', 'etcd-cert-key'],
  ['etcd-user', 'etcd-password-file'],
];

/** Whether what was told of etcd goes together. Throws `UsageError`. */
export function checkEtcd(origins: ReadonlyMap<SettingName, string>, key: string | null): void {
  const etcd = origins.get('etcd');
  if (etcd !== undefined && key === null)
    throw new UsageError(
      `${etcd}: maps are for networks, and a network needs its key. Cure: --key-file, MAGMA_KEY or --key`,
    );
  for (const name of NEEDS_ETCD) {
    const origin = origins.get(name);
    if (origin !== undefined && etcd === undefined)
      throw new UsageError(`${origin}: it is not said where etcd is. Cure: --etcd`);
  }
  for (const pair of PAIRS) {
    const [one, other] = pair.map((name) => origins.get(name));
    if ((one === undefined) === (other === undefined)) continue;
    throw new UsageError(
      `${one ?? other}: it goes with --${pair[one === undefined ? 0 : 1]}. Cure: give both, or neither`,
    );
  }
}

/** Reads the files that it names. Throws `UsageError`. */
export function etcdOptions(config: EtcdConfig, origins: ReadonlyMap<SettingName, string>): EtcdOptions {
  const endpoints = config.urls.flatMap(readEndpoints);
  if (endpoints.length > ENDPOINTS_MAX)
    throw new UsageError(`${origins.get('etcd')}: ${endpoints.length} URLs; the most is ${ENDPOINTS_MAX}`);
  const pem = (name: SettingName, path: string | null): Buffer | undefined =>
    path === null ? undefined : readBytes(path, origins.get(name) ?? name);
  const [ca, cert, key] = [
    pem('etcd-ca', config.ca),
    pem('etcd-cert', config.cert),
    pem('etcd-cert-key', config.certKey),
  ];
  const { user, passwordFile } = config;
  return {
    endpoints,
    tls: { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) },
    ...(user === null || passwordFile === null
      ? {}
      : { user: { name: user, password: password(passwordFile, origins) } }),
  };
}

function password(path: string, origins: ReadonlyMap<SettingName, string>): string {
  const origin = origins.get('etcd-password-file') ?? 'etcd-password-file';
  const line = readTextFile(path, origin).split('\n', 1)[0]!.replace(/\r$/, '');
  if (line === '') throw new UsageError(`${origin}: the first line of ${path} is empty; the password belongs there`);
  return line;
}

/** The register of a network's maps in etcd, below `magma/<network>/`. */
export interface EtcdRegister {
  readonly register: (networkId: string) => ProjectionStore;
  close(): Promise<void>;
}

/** Opens it; nothing is asked of etcd yet. Throws `UsageError`. */
export function openEtcd(config: EtcdConfig, origins: ReadonlyMap<SettingName, string>, logger: Logger): EtcdRegister {
  const client = new EtcdClient(etcdOptions(config, origins), { clock: systemClock, logger });
  return {
    register: (networkId) => new SharedProjectionStore(client, `magma/${networkId}/`),
    close: () => client.close(),
  };
}
