import type { Asked } from './asked.ts';
import { Refused } from './refusal.ts';

/** The largest body that is no file, in bytes, and how long it may take, in milliseconds. */
export const BODY_MAX = 4096;
export const BODY_MS = 10_000;

/** The body of a small request, as JSON. Throws `Refused`. */
export async function jsonBody({ request, parts }: Pick<Asked, 'request' | 'parts'>): Promise<unknown> {
  const timer = parts.clock.after(BODY_MS, () => request.destroy());
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      length += piece.length;
      // What is too much is read and dropped: an answer is heard by who has sent all of his.
      if (length <= BODY_MAX) pieces.push(piece);
    }
  } catch {
    throw new Refused(400, 'The request broke off.');
  } finally {
    timer.cancel();
  }
  if (length > BODY_MAX) throw new Refused(413, `A request has at most ${BODY_MAX} bytes.`);
  try {
    return JSON.parse(Buffer.concat(pieces).toString());
  } catch {
    throw new Refused(400, 'The request is no JSON.');
  }
}
