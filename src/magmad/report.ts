import { describeQuota, describeRules } from './banner.ts';
import type { Config } from './config.ts';
import { reportOldMachines } from './old-machines/config.ts';
import type { ConfiguredRules } from './rules.ts';
import type { Seed } from './seeds.ts';
import { SETTINGS, type SettingName } from './settings.ts';

const NAME_WIDTH = 17;

function seedText({ host, port }: Seed): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What `--check-config` prints: every setting with its value and where that was set, then the rules in words. */
export function reportConfig(config: Config, { rules, quotas, byDefault }: ConfiguredRules): string {
  const values: Partial<Record<SettingName, unknown>> = {
    boot: config.boot,
    nickname: config.nickname ?? '(as last time, else the host name)',
    data: config.data,
    weight: config.weight,
    join: config.join.length === 0 ? '(nobody)' : config.join.map(seedText).join(' '),
    replicas: config.replicas,
    failover: config.failoverMs / 1000,
    'dead-after': config.deadAfterMs === null ? '(never)' : config.deadAfterMs / 1000,
    'balance-after': config.balanceAfterMs / 1000,
    etcd: config.etcd?.urls.join(' ') ?? '(none: the first volcano keeps the maps)',
    address: config.addresses.length === 0 ? '(all)' : config.addresses.join(' '),
    'server-name': config.serverName,
    'nfs-port': config.nfsPort,
    'mount-port': config.mountPort,
    portmap: config.portmap,
    'portmap-port': config.portmapPort,
    port: config.key === null ? '(closed: no key)' : config.port,
    'node-port': config.key === null ? '(closed: no key)' : config.nodePort,
    console: config.console ? 'on' : 'off',
    'console-port': config.consolePort,
    'console-listen': config.consoleListen.join(' '),
    web: config.web ? 'on' : 'off',
    'web-port': config.webPort,
    'web-listen': config.webListen.join(' '),
    'web-cert': config.webCert?.cert ?? '(of its own making)',
    'web-cert-key': config.webCert?.key ?? '(of its own making)',
    shares: config.sharesFile ?? '(none)',
    ...reportOldMachines(config.oldMachines),
    key: config.key === null ? '(none)' : '(set)',
    debug: config.debug === '' ? '(none)' : config.debug,
    'log-level': config.logLevel,
    'log-format': config.logFormat ?? '(by the terminal)',
    config: config.configFile ?? '(none)',
    'pid-file': config.pidFile ?? '(none)',
  };
  const lines = (Object.keys(SETTINGS) as SettingName[])
    .filter((name) => Object.hasOwn(values, name))
    .map((name) => {
      const origin = config.origins.get(name) ?? (name === 'key' ? config.origins.get('key-file') : undefined);
      return `${name.padEnd(NAME_WIDTH)} ${String(values[name]).padEnd(28)} ${origin === undefined ? 'default' : `set by ${origin}`}`;
    });
  const served = [...describeRules(rules), ...quotas.map(describeQuota)].map((sentence) => `  ${sentence}`);
  const warnings = config.warnings.map((warning) => `warning: ${warning}`);
  const title = byDefault ? 'rules (by default, because none are given):' : 'rules:';
  return `${[...lines, '', title, ...served, ...warnings].join('\n')}\n`;
}
