import type { GroupsOf } from '../acl/host-groups.ts';
import { readable } from '../acl/problem.ts';
import { Shares } from '../acl/shares.ts';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Net } from '../base/net.ts';
import { systemRandom } from '../base/random.ts';
import { systemResolver } from '../base/resolver.ts';
import { createSystemNet } from '../base/system-net.ts';
import type { Console } from '../console/console.ts';
import { NOTHING_OBSERVED, type Observing } from '../dht/observation.ts';
import { SECRET_NOTE } from '../flare/store/open.ts';
import type { Lockd } from '../lockd/lockd.ts';
import { MountList } from '../mountd/mount-list.ts';
import { mountProgram } from '../mountd/program.ts';
import { Handles } from '../nfs2/handle.ts';
import { nfs2Program } from '../nfs2/program.ts';
import { fsidOf, type Gate } from '../nfs2/server.ts';
import { ClientGauges } from '../rpc/client-gauges.ts';
import { observers } from '../rpc/observer.ts';
import type { Forwarded } from '../rpc/portmap/callit.ts';
import type { PortmapChoice } from '../rpc/portmap/choose.ts';
import { PORTMAP_PORT } from '../rpc/portmap/program.ts';
import type { Registration } from '../rpc/portmap/registration.ts';
import { ProcedureGauges } from '../rpc/procedure-gauges.ts';
import type { Program } from '../rpc/program.ts';
import { type Listening, RpcServer } from '../rpc/server.ts';
import { rquotaProgram } from '../rquotad/program.ts';
import type { WebServer } from '../web/server.ts';
import { describeRules, mountCommand, type Served } from './banner.ts';
import { CallLog } from './calls.ts';
import { cannotListen } from './cannot-listen.ts';
import type { Config } from './config.ts';
import { openConsole } from './console.ts';
import { switchable, watchFlares, watchRules } from './debug.ts';
import { flareGate } from './flare-gate.ts';
import { readHostGroups } from './host-groups.ts';
import { messageOf, type Service } from './lifecycle.ts';
import { LoadMeter } from './load-meter.ts';
import { openLocks } from './locks.ts';
import type { Log } from './logging.ts';
import { type Network, openNetwork } from './network.ts';
import type { ServiceManager } from './notify.ts';
import { Observer } from './observe.ts';
import { OldMachines } from './old-machines/serve.ts';
import { type AddressWatch, systemAddressWatch } from './own-addresses.ts';
import { writePidFile } from './pidfile.ts';
import { makeFindable, registrationsOf } from './portmapper.ts';
import { VolcanoQuotas } from './quotas.ts';
import { waitingForRestart } from './reload.ts';
import { readRules } from './rules.ts';
import type { SettingName } from './settings.ts';
import { progress } from './store.ts';
import { VERSION } from './version.ts';
import { openWeb } from './web.ts';

/** What a volcano is started with. */
export interface VolcanoOptions {
  readonly config: Config;
  readonly log: Log;
  readonly manager: ServiceManager;
  /** Reads flags, environment and file again. Throws `UsageError`. */
  readonly reread: () => Config;
  /** The host's name. */
  readonly hostname: string;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
}

interface Parts {
  readonly network: Network;
  readonly net: Net;
  readonly server: RpcServer;
  readonly shares: Shares;
  readonly quotas: VolcanoQuotas;
  readonly calls: CallLog;
  readonly procedures: ProcedureGauges;
  readonly gauges: ClientGauges;
  readonly mounts: MountList;
}

/** A volcano that serves: the store, the programs, and what tells clients where they are. */
export class Volcano implements Service {
  readonly #options: VolcanoOptions;
  readonly #log: Logger;
  readonly #parts: Parts;
  #groupsOf: GroupsOf;
  #portmap: PortmapChoice | undefined;
  #console: Console | undefined;
  #web: WebServer | undefined;
  #oldMachines: OldMachines | undefined;
  #lockd: Lockd | undefined;
  #removePidFile: () => void = () => {};
  readonly #addresses: AddressWatch;
  #config: Config;
  #reloading: Promise<void> = Promise.resolve();

  private constructor(options: VolcanoOptions, parts: Parts) {
    this.#options = options;
    this.#config = options.config;
    this.#log = options.log.room('volcano');
    this.#parts = parts;
    this.#groupsOf = readHostGroups(parts.shares.rules(), options.log.room('acl'));
    this.#addresses = systemAddressWatch(systemClock, (address) => {
      this.#log.info({ address }, 'this host has lost an address: connections that came to it are reset');
      parts.server.forsake(address);
    });
  }

  /** Opens the data directory and serves it. Rejects with an error that says what is wrong and the cure; then nothing is served. */
  static async start(options: VolcanoOptions): Promise<Volcano> {
    const { config, log, hostname, signal } = options;
    const rules = readRules(config);
    const rpcLog = log.room('rpc');
    const net = createSystemNet({ logger: rpcLog });
    const meter = new LoadMeter(systemClock);
    const load = (): number => meter.perSecond();
    let gated: Parameters<typeof flareGate>[0] = () => null;
    const gate = flareGate(() => gated());
    let observer: Observer | null = null;
    const observe = (ask: Observing) => observer?.observe(ask) ?? NOTHING_OBSERVED;
    const network = await openNetwork({ config, log, net, hostname, gate, load, observe, signal });
    try {
      const { tree: service, notes } = network;
      const logger = log.room('acl');
      const parts = { service, notes, resolver: systemResolver, clock: systemClock, logger };
      const shares = await Shares.open(rules.rules, parts);
      const quotas = new VolcanoQuotas(network, logger);
      await quotas.use(rules.quotas, shares);
      gated = () => ({ shares, service });
      const calls = new CallLog(log);
      const gauges = new ClientGauges(systemClock, rpcLog);
      const procedures = new ProcedureGauges();
      const mounts = new MountList(notes, systemClock, log.room('mountd'));
      const seen = {
        clock: systemClock,
        clients: gauges,
        procedures,
        mounts,
        rules: shares,
        quotas: quotas.book,
        log: log.recent,
      };
      observer = new Observer(seen);
      const server = new RpcServer({
        net,
        clock: systemClock,
        logger: rpcLog,
        observer: observers([gauges, procedures, meter, calls]),
      });
      const volcano = new Volcano(options, { network, net, server, shares, quotas, calls, procedures, gauges, mounts });
      try {
        await volcano.#serve(rules.byDefault);
      } catch (error) {
        await volcano.#unserve();
        throw error;
      }
      return volcano;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  async #serve(rulesByDefault: boolean): Promise<void> {
    const { config, manager, log } = this.#options;
    const { network, shares, mounts } = this.#parts;
    const { tree, notes, store, nickname, ports } = network;
    const secret = notes.note(SECRET_NOTE)!;
    const handles = new Handles(secret, tree);
    const nfs = nfs2Program({
      service: switchable(tree, watchFlares(tree, systemClock, log.room('flare')), (on) => log.onDebug('flare', on)),
      gate: switchable<Gate>(shares, watchRules(shares, log.room('acl')), (on) => log.onDebug('acl', on)),
      handles,
      fsid: fsidOf(secret),
      groupsOf: (uid) => this.#groupsOf(uid),
      logger: log.room('nfs2'),
    });
    const mount = mountProgram({
      shares,
      mounts,
      issueHandle: (id, share) => handles.issue(id, share),
      clock: systemClock,
      logger: log.room('mountd'),
    });
    const nfsAt = await this.#listen([nfs], config.nfsPort, 'nfs-port');
    this.#lockd = openLocks({ config, log, net: this.#parts.net, network, shares, handles });
    const rquota = rquotaProgram({ shares, quotas: this.#parts.quotas.book, clock: systemClock });
    const mounting = [mount, rquota, ...this.#lockd.programs];
    const mountAt = await this.#listen(mounting, config.mountPort, 'mount-port');
    const old = await this.#serveOldMachines();
    const portmap = await this.#makeFindable(old.forwarded, [
      ...registrationsOf(nfs, nfsAt),
      ...mounting.flatMap((program) => registrationsOf(program, mountAt)),
      ...old.registrations,
    ]);
    this.#portmap = portmap;
    const consoleAt = await this.#openConsole();
    const webAt = await this.#openWeb();
    if (config.pidFile !== null) this.#removePidFile = writePidFile(config.pidFile, process.pid);
    const served = {
      nfsPort: nfsAt.port,
      mountPort: mountAt.port,
      findable: portmap.port === PORTMAP_PORT,
    };
    if (rulesByDefault) this.#log.warn({}, 'nobody has said what to share, so the default rules hold: see --share');
    this.#tellWhatIsServed(served);
    this.#log.info(
      {
        nickname,
        version: VERSION,
        pid: process.pid,
        data: config.data,
        nfsPort: nfsAt.port,
        mountPort: mountAt.port,
        portmap: portmap.kind,
        ...(portmap.kind === 'off' ? {} : { portmapPort: portmap.port }),
        ...old.ports,
        ...(ports === null ? {} : { flarePort: ports.flare, nodePort: ports.node }),
        ...(consoleAt === null ? {} : { consolePort: consoleAt }),
        ...(webAt === null ? {} : { webPort: webAt }),
      },
      'ready',
    );
    manager.ready(`serving NFSv2 on port ${nfsAt.port}, mounts on port ${mountAt.port}`);
    manager.watch(
      systemClock,
      progress(() => store.stats()),
    );
  }

  async #serveOldMachines(): Promise<OldMachines> {
    const { config, log } = this.#options;
    const listen = (program: Program, port: number, setting: SettingName) => this.#listen([program], port, setting);
    const { net, network, shares } = this.#parts;
    const parts = {
      config,
      log,
      net,
      resolver: systemResolver,
      tree: network.tree,
      shares,
      clock: systemClock,
      random: systemRandom,
      listen,
    };
    this.#oldMachines = await OldMachines.open(parts);
    return this.#oldMachines;
  }

  /** Resolves with the port of the console; null: there is none. */
  async #openConsole(): Promise<number | null> {
    const { config, log } = this.#options;
    const { network, net, shares: rules } = this.#parts;
    const debug = { channels: () => log.channels(), set: (letter: string, on: boolean) => log.setDebug(letter, on) };
    const parts = { config, log, net, network, rules, debug };
    const opened = await openConsole(parts).catch((error: unknown) => {
      throw cannotListen(error, config.consolePort, 'console-port', config.consoleListen);
    });
    this.#console = opened?.console;
    return opened?.port ?? null;
  }

  /** Resolves with the port of the web page; null: there is none. */
  async #openWeb(): Promise<number | null> {
    const { config, log } = this.#options;
    const { network, shares: rules } = this.#parts;
    const opened = await openWeb({ config, log, network, rules }).catch((error: unknown) => {
      throw cannotListen(error, config.webPort, 'web-port', config.webListen);
    });
    this.#web = opened?.web;
    return opened?.port ?? null;
  }

  #tellWhatIsServed(served: Served): void {
    const { config } = this.#options;
    for (const sentence of describeRules(this.#parts.shares.rules())) this.#log.info({}, `sharing ${sentence}`);
    for (const { path } of this.#parts.shares.list()) {
      const shown = readable(path);
      const here = config.addresses.length === 0 ? mountCommand(served, 'localhost', shown) : undefined;
      if (here !== undefined) this.#log.info({}, `on this machine: ${here}`);
      this.#log.info({}, `on a client: ${mountCommand(served, config.serverName, shown)}`);
    }
  }

  async #listen(programs: readonly Program[], port: number, setting: SettingName): Promise<Listening> {
    const { addresses } = this.#config;
    for (const program of programs) this.#count(program);
    try {
      return await this.#parts.server.listen({ programs, addresses, port });
    } catch (error) {
      throw cannotListen(error, port, setting, addresses);
    }
  }

  #count(program: Program): void {
    this.#parts.calls.add(program);
    this.#parts.procedures.add(program);
    this.#parts.gauges.add(program);
  }

  #makeFindable(forwarded: readonly Forwarded[], registrations: readonly Registration[]): Promise<PortmapChoice> {
    const { config, log } = this.#options;
    const serve = async (program: Program, port: number): Promise<number> => {
      this.#count(program);
      return (await this.#parts.server.listen({ programs: [program], addresses: config.addresses, port })).port;
    };
    const logger = log.room('portmap');
    const { net } = this.#parts;
    const parts = { net, clock: systemClock, random: systemRandom, logger, serve, forwarded, registrations };
    return makeFindable(config.portmap, { ...parts, port: config.portmapPort }, logger);
  }

  /** Reads the rules again, one reload after the other; when they are bad, the old ones stay. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const { manager, reread, log } = this.#options;
    manager.reloading();
    try {
      const config = reread();
      const { rules, quotas } = readRules(config);
      const enforce = this.#oldMachines?.reread();
      await this.#parts.shares.reload(rules);
      enforce?.();
      await this.#parts.quotas.use(quotas, this.#parts.shares);
      this.#groupsOf = readHostGroups(rules, log.room('acl'));
      const waiting = waitingForRestart(this.#config, config);
      if (waiting.length > 0) this.#log.warn({ settings: waiting }, 'these settings change only at the next start');
      for (const sentence of describeRules(rules)) this.#log.info({}, `sharing ${sentence}`);
      this.#log.info({ rules: rules.length }, 'the rules were read again');
    } catch (error) {
      for (const line of messageOf(error).split('\n')) this.#log.error({}, line);
      this.#log.error({}, 'the rules were not changed: the old ones stay');
    }
    manager.ready('serving');
  }

  async stop(): Promise<void> {
    this.#options.manager.stopping();
    await this.#unserve();
    await this.#parts.network.close();
    this.#options.manager.close();
  }

  async #unserve(): Promise<void> {
    this.#addresses.stop();
    await this.#console?.close();
    await this.#web?.close();
    await this.#portmap?.stop();
    this.#lockd?.stop();
    await this.#oldMachines?.close();
    await this.#parts.server.stop();
    await this.#parts.quotas.stop();
    this.#removePidFile();
  }
}
