import type { Clock } from '../base/clock.ts';
import type { Eventually } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { keyOf, ROOT_KEY } from '../flare/keys.ts';
import { type Attributes, type DirectoryEntry, FlareType, type Key, type Name, type Time } from '../flare/types.ts';

/** The directory's name in the root. */
export const DHT_NAME = '.dht';
/** Its key: that of what would be born there under this name. */
export const DHT_KEY = keyOf(ROOT_KEY, DHT_NAME);
/** The last cookie of the root's listing, which no entry has had before the counter has gone round. */
export const DHT_COOKIE = 2 ** 31 - 1;
/** The directory's fileid. Below `FILEID_FIRST` no flare has one. */
const DHT_FILEID = 2;
/** fileids of its files: from this one on, this many. */
const FILE_FILEID_FIRST = 3;
const FILE_FILEIDS = 4000;
/** How long its texts are shown before they are made anew, in milliseconds: a reader sees one text from its attributes to its end. */
export const TEXTS_MS = 1_000;

const GENERATION = 1;

interface TextFile {
  readonly name: Name;
  readonly text: Buffer;
  readonly attributes: Attributes;
  readonly cookie: number;
}

function timeOf(microseconds: number): Time {
  const seconds = Math.floor(microseconds / 1e6);
  return { seconds, nanoseconds: (microseconds - seconds * 1e6) * 1000 };
}

function attributesOf(key: Key, fileid: number, time: Time, size: number, entries: number | null): Attributes {
  const directory = entries !== null;
  return {
    key,
    generation: GENERATION,
    type: directory ? FlareType.directory : FlareType.file,
    mode: directory ? 0o555 : 0o444,
    nlink: directory ? 2 : 1,
    share: 0,
    uid: 0,
    gid: 0,
    size,
    used: size,
    major: 0,
    minor: 0,
    fileid,
    atime: time,
    mtime: time,
    ctime: time,
    version: 1,
    parent: { key: directory ? ROOT_KEY : DHT_KEY, generation: GENERATION },
  };
}

/**
 * The synthetic directory `/.dht/`: what is known of the ring, one small text a file, made when somebody looks. Its flares have keys, cookies and
 * fileids of their own, so that the same handle means the same file on every volcano.
 */
export class DhtDirectory {
  readonly #texts: () => ReadonlyMap<Name, string>;
  readonly #clock: Clock;
  readonly #rootGeneration: number;
  #files = new Map<Key, TextFile>();
  #due = true;
  /** By the first two bytes of keys: whether one of these begins so. */
  readonly #beginnings = new Uint8Array(2 ** 16);
  #made = Number.NEGATIVE_INFINITY;
  #time: Time;

  /** `texts`: the files' contents by name. */
  constructor(clock: Clock, rootGeneration: number, texts: () => ReadonlyMap<Name, string>) {
    this.#clock = clock;
    this.#rootGeneration = rootGeneration;
    this.#texts = texts;
    this.#time = timeOf(clock.now());
  }

  /** Whether a key is that of the directory or of one of its files. Asked for each call of all: a key that is none costs one look into a map of bits. */
  owns(key: Key): boolean {
    if (this.#due) this.#current();
    if (this.#beginnings[beginningOf(key)] === 0) return false;
    return key === DHT_KEY || this.#files.has(key);
  }

  /** There may be other files now than a moment ago. */
  changed(): void {
    this.#due = true;
    this.#made = Number.NEGATIVE_INFINITY;
  }

  /** STALE. */
  attributes(key: Key): Attributes {
    const files = this.#current();
    if (key !== DHT_KEY) return this.#file(key).attributes;
    const { parent, ...rest } = attributesOf(DHT_KEY, DHT_FILEID, this.#time, 512, files.size);
    return { ...rest, parent: { ...parent, generation: this.#rootGeneration } };
  }

  /** NOENT. */
  lookup(name: Name): Attributes {
    const file = this.#current().get(keyOf(DHT_KEY, name));
    if (file === undefined) throw FlareError.of('NOENT');
    return file.attributes;
  }

  /** STALE, ISDIR. */
  read(key: Key, offset: number, count: number): Eventually<{ data: Buffer; attributes: Attributes }> {
    if (key === DHT_KEY) throw FlareError.of('ISDIR');
    const { text, attributes } = this.#file(key);
    return { data: text.subarray(offset, offset + count), attributes };
  }

  entries(cookie: number, limit: number): { entries: readonly DirectoryEntry[]; end: boolean } {
    const later = [...this.#current().values()]
      .filter((file) => file.cookie > cookie)
      .sort((one, other) => one.cookie - other.cookie);
    const entries = later.slice(0, limit).map(({ name, cookie, attributes: { fileid } }) => ({ name, fileid, cookie }));
    return { entries, end: later.length <= limit };
  }

  /** The directory itself, in the root's listing. */
  entry(): DirectoryEntry {
    return { name: DHT_NAME, fileid: DHT_FILEID, cookie: DHT_COOKIE };
  }

  #file(key: Key): TextFile {
    const file = this.#current().get(key);
    if (file === undefined) throw FlareError.of('STALE');
    return file;
  }

  #current(): ReadonlyMap<Key, TextFile> {
    const now = this.#clock.monotonic();
    if (now - this.#made < TEXTS_MS) return this.#files;
    this.#made = now;
    this.#due = false;
    this.#beginnings.fill(0);
    this.#beginnings[beginningOf(DHT_KEY)] = 1;
    const before = this.#files;
    const files = new Map<Key, TextFile>();
    const fileids = new Set<number>();
    const time = timeOf(this.#clock.now());
    for (const [name, content] of this.#texts()) {
      const key = keyOf(DHT_KEY, name);
      const text = Buffer.from(content);
      const old = before.get(key);
      const fileid = freeFileid(key, fileids);
      fileids.add(fileid);
      this.#beginnings[beginningOf(key)] = 1;
      const same = old?.attributes.fileid === fileid && old.text.equals(text);
      files.set(
        key,
        same
          ? old
          : { name, text, cookie: cookieOf(key), attributes: attributesOf(key, fileid, time, text.length, null) },
      );
    }
    if ([...files.keys()].some((key) => !before.has(key)) || files.size !== before.size) this.#time = time;
    this.#files = files;
    return files;
  }
}

function beginningOf(key: Key): number {
  return (key.charCodeAt(0) << 8) | key.charCodeAt(1);
}

function number(key: Key): number {
  return Buffer.from(key, 'latin1').readUInt32BE(4);
}

/** From the key, so that it is the same on every volcano and stays when others come and go. */
function cookieOf(key: Key): number {
  return 3 + (number(key) % (DHT_COOKIE - 4));
}

function freeFileid(key: Key, taken: ReadonlySet<number>): number {
  let at = number(key) % FILE_FILEIDS;
  while (taken.has(FILE_FILEID_FIRST + at)) at = (at + 1) % FILE_FILEIDS;
  return FILE_FILEID_FIRST + at;
}
