import type { Export } from '../acl/shares.ts';
import { LINK_MAX, NAME_MAX } from '../flare/types.ts';
import { fitting, toLinked } from '../rpc/xdr/linked.ts';
import type { MountEntry } from './mount-list.ts';
import { type codecs, MNTNAMLEN, MNTPATHLEN } from './schema.ts';

/** The longest list that is sent, in bytes of XDR: a UDP reply has to fit one datagram. What does not fit is left out. */
export const LIST_BYTES_MAX = { udp: 60_000, tcp: 512 * 1024 } as const;

/** What EXPORT shows as the group of a share whose own rules let nobody in: no group at all would mean everyone. */
export const NOBODY_GROUP = '-';

type Result<C extends keyof typeof codecs> = (typeof codecs)[C] extends { encode(value: infer T): Buffer } ? T : never;
type Transport = keyof typeof LIST_BYTES_MAX;

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
/** A string's size in XDR: its length and padding too. */
const size = (text: string): number => 4 + ((text.length + 3) & ~3);

/** The answer to DUMP (RFC 1094 appendix A.5.3). */
export function dumpReply(mounts: readonly MountEntry[], transport: Transport): Result<'mountlist'> {
  const shown = fitting(mounts, LIST_BYTES_MAX[transport], ({ client, path }) => 4 + size(client) + size(path));
  return toLinked(
    shown.map(({ client, path }) => ({ hostname: bytes(client.slice(0, MNTNAMLEN)), directory: bytes(path) })),
  );
}

/** The answer to EXPORT (RFC 1094 appendix A.5.6): a share that is everyone's has no groups. */
export function exportReply(exports: readonly Export[], transport: Transport): Result<'exportlist'> {
  const rows = exports.map(({ path, networks }) => ({
    path,
    groups: networks === null ? [] : networks.length === 0 ? [NOBODY_GROUP] : networks,
  }));
  const shown = fitting(
    rows,
    LIST_BYTES_MAX[transport],
    ({ path, groups }) => 8 + size(path) + groups.reduce((sum, group) => sum + 4 + size(group), 0),
  );
  return toLinked(
    shown.map(({ path, groups }) => ({
      directory: bytes(path),
      groups: toLinked(groups.map((group) => ({ name: bytes(group) }))),
    })),
  );
}

/**
 * Bits of `pc_mask`. 0 says that nothing here is valid; 1 to 6 that one figure is not: link, canon, input, name, path, pipe. SunOS and Solaris number
 * the others differently (7 to 9: chown restricted, no truncation, no vdisable): all three are set, and so true for both.
 */
const MASK = { error: 1, maxCanon: 1 << 2, maxInput: 1 << 3, pipeBuf: 1 << 6, restrictions: 0b111 << 7 } as const;

const NO_FIGURES = {
  linkMax: 0,
  maxCanon: 0,
  maxInput: 0,
  nameMax: 0,
  pathMax: 0,
  pipeBuf: 0,
  vdisable: 0,
  padding: 0,
};

/** The answer to PATHCONF for a directory that cannot be mounted. */
export const PATHCONF_ERROR: Result<'ppathcnf'> = { ...NO_FIGURES, mask: [MASK.error, 0] };

/** The answer to PATHCONF: what holds in every directory. Nothing is said of terminals and pipes, which are the client's own. */
export const PATHCONF: Result<'ppathcnf'> = {
  ...NO_FIGURES,
  linkMax: LINK_MAX,
  nameMax: NAME_MAX,
  pathMax: MNTPATHLEN,
  mask: [MASK.maxCanon | MASK.maxInput | MASK.pipeBuf | MASK.restrictions, 0],
};
