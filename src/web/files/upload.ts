import { FlareError } from '../../flare/errors.ts';
import { type Attributes, FlareType, type Name } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { told } from '../../operator/text.ts';
import { type Answer, type Asked, json } from '../asked.ts';
import { Refused } from '../refusal.ts';
import { findPlace, wait } from './find.ts';

/** Uploads at once. */
export const UPLOADS_MAX = 4;
/** So much is written at a time, in bytes; and so long it may take to come, in milliseconds. */
export const PIECE_BYTES = 256 * 1024;
export const PIECE_MS = 60_000;
/** What the name of a file that is not whole yet begins with. */
export const UNFINISHED = '.magma-upload-';

/** What has that name; null: nothing. */
async function lookup(asked: Asked, directory: Attributes, name: Name): Promise<Attributes | null> {
  try {
    return await wait(asked, asked.parts.tree.lookup(ROOT, directory, name));
  } catch (error) {
    if (error instanceof FlareError && error.status === 'NOENT') return null;
    throw error;
  }
}

const TAKEN = 'There is something of that name already.';

/** What is to be replaced, if it may be. */
async function replaced(asked: Asked, directory: Attributes, name: Name): Promise<Attributes | null> {
  const there = await lookup(asked, directory, name);
  if (there === null) return null;
  if (asked.query.get('replace') !== '1') throw new Refused(409, TAKEN);
  if (there.type !== FlareType.file) throw new Refused(409, `${TAKEN} It is no file, and stays.`);
  return there;
}

function checkRoom({ request, parts }: Asked): void {
  const length = Number(request.headers['content-length'] ?? 0);
  const room = parts.tree.statfs();
  if (!(room instanceof Promise) && length > room.availableBytes)
    throw new Refused(507, `There is no room for it: ${length} bytes, and ${room.availableBytes} are left.`);
}

/** The request's body in pieces. Throws `Refused` when one does not come in time, or the request breaks off. */
async function* piecesOf({ request, parts }: Asked): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let length = 0;
  const late = (): void => void request.destroy();
  let timer = parts.clock.after(PIECE_MS, late);
  try {
    for await (const bytes of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      gathered.push(bytes);
      length += bytes.length;
      if (length < PIECE_BYTES) continue;
      timer.cancel();
      yield Buffer.concat(gathered);
      gathered = [];
      length = 0;
      timer = parts.clock.after(PIECE_MS, late);
    }
  } catch {
    throw new Refused(408, 'The upload broke off.');
  } finally {
    timer.cancel();
  }
  if (length > 0) yield Buffer.concat(gathered);
}

/** Writes the body to a file that has no name yet that anybody knows, and then gives it that one. */
async function write(asked: Asked, directory: Attributes, name: Name, before: Attributes | null): Promise<Attributes> {
  const { tree, random } = asked.parts;
  const unfinished = UNFINISHED + random.bytes(12).toString('hex');
  const { mode, uid, gid } = before ?? { mode: 0o644, uid: directory.uid, gid: directory.gid };
  let file = await wait(asked, tree.create(ROOT, directory, unfinished, { type: FlareType.file, mode, uid, gid }));
  try {
    let at = 0;
    for await (const piece of piecesOf(asked)) {
      file = await wait(asked, tree.write(ROOT, file, at, piece));
      at += piece.length;
    }
    if (before !== null) {
      await wait(asked, tree.rename(ROOT, directory, unfinished, directory, name));
      return file;
    }
    // Unlike a rename this does not take the name from who got it meanwhile.
    await wait(asked, tree.link(ROOT, file, directory, name));
    await remove(asked, directory, unfinished);
    return file;
  } catch (error) {
    await remove(asked, directory, unfinished);
    throw error;
  }
}

/** Takes the unfinished file away, also when nobody is there any more who asked for it. Never rejects. */
async function remove({ parts }: Asked, directory: Attributes, name: Name): Promise<void> {
  const { tree, logger, clock } = parts;
  try {
    await wait(
      { parts: { ...parts, clock }, signal: new AbortController().signal },
      tree.remove(ROOT, directory, name),
    );
  } catch (error) {
    if (error instanceof FlareError && error.status === 'NOENT') return;
    logger.warn({ err: error, name: told(name) }, 'what an upload has left behind cannot be removed');
  }
}

/** `PUT /api/file`: the body under that name, whole or not at all. */
export async function upload(asked: Asked): Promise<Answer> {
  try {
    const { directory, name } = await findPlace(asked);
    const before = await replaced(asked, directory, name);
    checkRoom(asked);
    const { size } = await write(asked, directory, name, before);
    return json({ size }, { status: before === null ? 201 : 200 });
  } catch (error) {
    if (error instanceof FlareError && error.status === 'EXIST') throw new Refused(409, TAKEN);
    if (error instanceof FlareError && error.status === 'NOSPC')
      throw new Refused(507, 'There is no room for it: the disk is full. Nothing was kept of it.');
    throw error;
  }
}
