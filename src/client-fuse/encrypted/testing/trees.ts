import { type Logger, silentLogger } from '../../../base/logger.ts';
import { seededRandom } from '../../../base/random.ts';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import type { FlareService } from '../../../flare/service.ts';
import { ROOT } from '../../../flare/testing/histories.ts';
import { MemoryService } from '../../../flare/testing/memory-service.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../../flare/types.ts';
import { CONF_NAME } from '../../crypto/conf.ts';
import { DIRIV_MODE, DIRIV_NAME } from '../../crypto/names.ts';
import { seededTree } from '../../crypto/testing/keys.ts';
import type { CipherTree } from '../../crypto/tree.ts';
import { EncryptedService } from '../service.ts';

/** The ciphers of all these trees; setting them up takes longer than most of what is done with them. */
const TREE = seededTree(1);

/** A service in memory with an empty root that everybody may write to. */
export function memory(): MemoryService {
  return new MemoryService({ clock: manualClock(), random: seededRandom(1), root: { mode: 0o777 } });
}

/** Makes the root of a service that of an encrypted tree, as `--init` does; its configuration is a placeholder. */
export async function initialize(service: FlareService): Promise<void> {
  for (const [name, contents] of [
    [CONF_NAME, Buffer.from('{}')],
    [DIRIV_NAME, seededRandom(99).bytes(16)],
  ] as const) {
    const file = await service.create(ROOT, service.root(), name, { type: FlareType.file, mode: DIRIV_MODE });
    await service.write(ROOT, file, 0, contents);
  }
}

/** A client of the tree that lies in a service. */
export function client(
  service: FlareService,
  { seed = 1, logger = silentLogger, tree = TREE }: { seed?: number; logger?: Logger; tree?: CipherTree } = {},
): EncryptedService {
  return new EncryptedService({ service, root: service.root(), tree, random: seededRandom(seed), logger });
}

/** All entries of a directory, by pages. */
export async function listing(
  service: FlareService,
  directory: FlareId,
  limit = 100,
  caller: Caller = ROOT,
): Promise<Name[]> {
  const names: Name[] = [];
  for (let cookie = 0; ; ) {
    const { entries, end } = await service.readdir(caller, directory, cookie, limit);
    names.push(...entries.map(({ name }) => name));
    if (end || entries.length === 0) return names;
    cookie = entries.at(-1)!.cookie;
  }
}

/** All that is in a tree, as text: paths, and contents of files. */
export async function shown(service: FlareService, directory: FlareId = service.root(), path = ''): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await listing(service, directory)).sort()) {
    const found = await service.lookup(ROOT, directory, name);
    const here = `${path}/${name}`;
    if (found.type === FlareType.directory) lines.push(`${here}/`, ...(await shown(service, found, here)));
    else if (found.type === FlareType.file) {
      const { data } = await service.read(ROOT, found, 0, 100_000);
      lines.push(`${here}=${data.length > 100 ? data.length : data}`);
    } else lines.push(`${here} ${found.type}`);
  }
  return lines;
}

/** Removes all that is shown. */
export async function removeAll(
  service: FlareService,
  directory: FlareId = service.root(),
  who: Caller = ROOT,
): Promise<void> {
  for (const name of await listing(service, directory)) {
    const found = await service.lookup(who, directory, name);
    if (found.type !== FlareType.directory) await service.remove(who, directory, name);
    else {
      await removeAll(service, found, who);
      await service.rmdir(who, directory, name);
    }
  }
}

/** Keeps what is complained about. */
export function listener(lines: string[]): Logger {
  return { ...silentLogger, error: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`) };
}
