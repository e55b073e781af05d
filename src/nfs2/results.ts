import type { RuleOptions } from '../acl/options.ts';
import type { Attributes } from '../flare/types.ts';
import { OK, type Status } from './errors.ts';
import type { Fattr } from './schema.ts';
import type { Nfs2Server, View } from './server.ts';

/** `attrstat` (RFC 1094 §2.3.9) with NFS_OK. */
export interface AttributesResult extends Status {
  readonly value: Fattr;
}

/** `diropres` (RFC 1094 §2.3.11) with NFS_OK. */
export interface FoundResult extends Status {
  readonly value: { readonly handle: Buffer; readonly attributes: Fattr };
}

/** The success that shows a flare's attributes. */
export function attributesResult(server: Nfs2Server, attributes: Attributes, view: View): AttributesResult {
  return { status: OK, value: server.fattr(attributes, view) };
}

/** The success that shows a flare that was reached from a directory: its handle keeps the directory's share. */
export function foundResult(
  server: Nfs2Server,
  from: View,
  attributes: Attributes,
  options: RuleOptions = from.options,
): FoundResult {
  const handle = server.handles.issue(attributes, from.handle.share);
  return { status: OK, value: { handle, attributes: server.fattr(attributes, from, options) } };
}
