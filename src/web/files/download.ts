import { once } from 'node:events';
import { FlareType } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import type { Answer, Asked } from '../asked.ts';
import { Refused } from '../refusal.ts';
import { disposition } from './disposition.ts';
import { find, wait } from './find.ts';
import { rangeOf } from './range.ts';

/** So much of a file is read at a time, in bytes. */
export const READ_BYTES = 256 * 1024;
/** Downloads at once. */
export const DOWNLOADS_MAX = 32;

/** `GET /api/file`: as a download, whatever is in it. What cannot be read to its end breaks the connection off. */
export async function download(asked: Asked): Promise<Answer | null> {
  const { request, response, parts } = asked;
  const { names, attributes } = await find(asked);
  if (attributes.type !== FlareType.file) throw new Refused(409, 'That is no file.');
  const { size, version, generation, fileid } = attributes;
  const etag = `"${fileid}-${generation}-${version}"`;
  const condition = request.headers['if-range'];
  const range = condition === undefined || condition === etag ? rangeOf(request.headers.range, size) : null;
  if (range === 'none') throw new Refused(416, `The file has ${size} bytes.`, { 'content-range': `bytes */${size}` });
  const { start, end } = range ?? { start: 0, end: size };
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-disposition': disposition(names.at(-1) ?? ''),
    'content-length': end - start,
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    etag,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return null;
  }
  for (let at = start; at < end; ) {
    const { data } = await wait(asked, parts.tree.read(ROOT, attributes, at, Math.min(READ_BYTES, end - at)));
    // It was cut meanwhile: there is not as much as was said.
    if (data.length === 0) throw new Refused(409, 'The file was cut.');
    at += data.length;
    // The memory is the tree's own in a moment.
    if (!response.write(Buffer.from(data))) await once(response, 'drain', { signal: asked.signal });
  }
  response.end();
  return null;
}
