import { fromLinked, toLinked } from '../rpc/xdr/linked.ts';
import type { PcUsers } from './users.ts';

/** What is asked (`mapreq`), and how it went (`maprstat`). */
const Asked = { UID: 0, UNAME: 2 } as const;
const Outcome = { OK: 0, UNKNOWN: 1 } as const;

interface Question {
  readonly request: number;
  readonly id: number;
  readonly name: Buffer;
}

function answer(users: PcUsers, { request, id, name }: Question) {
  if (request === Asked.UID) {
    const user = users.ofUid(id >>> 0);
    if (user !== undefined) return { request, status: Outcome.OK, id, name: Buffer.from(user.name, 'latin1') };
  }
  if (request === Asked.UNAME) {
    const user = users.named(name.toString('latin1'));
    if (user !== undefined) return { request, status: Outcome.OK, id: user.uid | 0, name };
  }
  return { request, status: Outcome.UNKNOWN, id, name };
}

/** MAPID: names of uids and uids of names, as the file of users has them. Groups have no names here, so these are unknown. */
export function mapid(users: PcUsers, list: Parameters<typeof fromLinked<Question>>[0]) {
  return { comment: Buffer.alloc(0), list: toLinked(fromLinked<Question>(list).map((one) => answer(users, one))) };
}
