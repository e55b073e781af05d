import type { Eventually } from '../base/eventually.ts';
import type { LockService } from './locks/types.ts';
import type {
  AttributeChanges,
  Attributes,
  Birth,
  Caller,
  DirectoryEntry,
  FlareId,
  Key,
  Name,
  SpaceFigures,
} from './types.ts';

/** Options of the changes that can be made conditional. */
export interface Expectation {
  /** Refuse with VERSION unless this is the flare's `version`. */
  readonly version?: number;
}

/** Options of a write. */
export interface WriteOptions extends Expectation {
  /** The data stay as they are until the answer is there: who would have to copy them for that need not. */
  readonly lasting?: boolean;
}

/**
 * The waist of magma: every user of the tree (NFS, mount.magma, web page, console) calls this, and the local store, a remote volcano
 * and the router over the ring are implementations of it.
 *
 * All promise:
 * - A change is on stable storage when its answer is there, whole or not at all. No answer shows what a crash could take back.
 * - A change whose caller names a `replay` is done once: asked again, the first answer is given again, also after a crash.
 * - UNIX permissions are checked for `caller`: search on the directory for names in it; the owner may always read and write his own
 *   file, as NFS needs (the client has checked at open); execute permission is enough to read. uid 0 may do everything.
 * - Refusals are thrown (or rejected with) `FlareError`; STALE when the flare does not exist or has another generation. Other
 *   errors mean that the store cannot answer.
 * - `.` and `..` are no names here (INVAL), nor are empty names or ones with `/` or NUL; above 255 bytes NAMETOOLONG.
 */
export interface FlareService {
  /** The root directory. */
  root(): FlareId;

  getattr(id: FlareId): Eventually<Attributes>;

  /**
   * As `getattr`, but without waiting for stable storage: for deciding what may be asked (rules, types) on the way to a call that waits by
   * itself. Never to be shown to anybody: a crash could take it back. STALE waits.
   */
  glance(id: FlareId): Eventually<Attributes>;

  /**
   * What was lately seen of a flare for which asking costs a hop, without asking; undefined when nothing was, or the flare is at hand. Only its type, and under which rules it falls, may
   * be gone by: neither changes in its life. Its directory may be another one by now, and the flare may be gone.
   */
  seen?(id: FlareId): Attributes | undefined;

  /** The flare that holds this key now, whatever its generation; STALE when none does. For handles, which hold the generation's low bits only. */
  find(key: Key): Eventually<Attributes>;

  /**
   * Changes attributes. chmod, chown and set times need the owner (chown uid 0; the owner may give a group that he is in), else PERM; times of which
   * all that are given are `now`, and a size, need write permission, else ACCES. chown, a size and writes by others than uid 0 clear setuid and setgid of what is no directory; so does chmod
   * with setgid, of others than uid 0 who are not in the flare's group. A size grows a file with a hole, or cuts it, and sets mtime if no mtime is given: ISDIR,
   * INVAL as for `read`. No changes at all: nothing happens.
   */
  setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Eventually<Attributes>;

  /** The flare that `name` means in that directory. NOENT, NOTDIR, ACCES. */
  lookup(caller: Caller, directory: FlareId, name: Name): Eventually<Attributes>;

  /** A symlink's target, in bytes. INVAL on other flares. */
  readlink(caller: Caller, id: FlareId): Eventually<Buffer>;

  /**
   * Reads up to `count` bytes; fewer only at the end of the file. ISDIR on a directory, INVAL on other flares that are no files. The buffer is the
   * caller's until the next turn of the event loop: it may be the store's own memory and must not be changed.
   */
  read(
    caller: Caller,
    id: FlareId,
    offset: number,
    count: number,
  ): Eventually<{ data: Buffer; attributes: Attributes }>;

  /** Writes all of `data` at `offset`; a gap before it becomes a hole. `data` is copied before the call returns, or, when it says that they are lasting, before the answer. FBIG, NOSPC. */
  write(caller: Caller, id: FlareId, offset: number, data: Uint8Array, options?: WriteOptions): Eventually<Attributes>;

  /**
   * Makes a flare of any type under a name that is free. When the name is taken: EXIST, but with `existing: 'open'` the
   * flare that has it is returned if it is not a directory: cut or grown to `birth.size` if it is a file and a size was given
   * (write permission needed), else untouched. A new directory starts with nlink 2 and counts in its parent's; in a directory with
   * setgid it has setgid too. Block and character devices are made by uid 0 only (PERM). A symlink's target is 1 to 4,095 bytes without NUL (INVAL, NAMETOOLONG). A full directory: NOSPC.
   */
  create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Eventually<Attributes>;

  /** Takes a name off a flare that is no directory (ISDIR); its last one ends the flare. Sticky directories: only the owner of either (PERM). */
  remove(caller: Caller, directory: FlareId, name: Name): Eventually<void>;

  /** Ends an empty directory. NOTEMPTY, NOTDIR. */
  rmdir(caller: Caller, directory: FlareId, name: Name): Eventually<void>;

  /**
   * Gives a flare another name, atomically in place of what had that name: a file over a non-directory, a directory over an empty directory
   * (NOTDIR, ISDIR, NOTEMPTY). A directory into itself or below: INVAL. Two names of the same flare: nothing happens. Handles stay valid. A name that was
   * there before keeps its cookie, so that a listing that goes on meanwhile sees it once.
   */
  rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Eventually<void>;

  /** Gives a flare that is no directory (PERM) one more name. EXIST, MLINK. */
  link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Eventually<void>;

  /**
   * Entries whose cookies come after `cookie` (0: from the start), in the order of their cookies, at most `limit`. `end` when there are no more.
   * An entry that lives throughout a listing is seen exactly once, whatever comes and goes around it.
   */
  readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): Eventually<{ entries: readonly DirectoryEntry[]; end: boolean }>;

  /**
   * The answer that is remembered for a replay identity, at the owner of the flare or (from-)directory that the call was about: attributes, or null for a change that answers with nothing; a refusal is thrown. Undefined when there is none.
   * For a retransmission that cannot be asked as the change it was, because what it names is gone by now. It waits for stable storage as the first
   * answer did. No permission is checked: an identity is given only for a call whose address and arguments it was made of, so that it tells a
   * caller nothing but what he was answered before.
   */
  recall(replay: string, at: Key): Eventually<Attributes | null | undefined>;

  /** The room there is. Never waits. */
  statfs(): Eventually<SpaceFigures>;

  /** Locks of files. */
  readonly locks: LockService;
}

/**
 * Small durable facts of the network that are no flares: its secret, its rules, the mount list. Names are ASCII, at most 1,024 bytes
 * long (`/` orders them in groups), values at most 64 KiB.
 */
export interface NoteStore {
  /** The value; null when there is none. */
  note(name: string): Buffer | null;
  /** All notes whose names begin so, by name. */
  notes(prefix: string): ReadonlyMap<string, Buffer>;
  /** Sets a note, or removes it with null; durable when it resolves. NOSPC. */
  setNote(name: string, value: Buffer | null): Promise<void>;
}
