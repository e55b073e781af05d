import { FlareError } from '../../flare/errors.ts';
import type { Expectation, FlareService } from '../../flare/service.ts';
import { checkAttributes, checkIsFile, checkRange } from '../../flare/store/access.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Birth,
  type Caller,
  type FlareId,
  FlareType,
} from '../../flare/types.ts';
import { cipherSize, PLAIN_SIZE_MAX } from '../crypto/sizes.ts';
import type { EncryptedFiles } from './files.ts';

/** INVAL for what is no size; FBIG when a file cannot have as many plain bytes. */
export function checkPlainSize(size: number): void {
  checkRange(size, 0);
  if (size > PLAIN_SIZE_MAX) throw FlareError.of('FBIG');
  checkRange(cipherSize(size), 0);
}

/**
 * `FlareService.setattr`, with a plain size. All is one change of the ciphertext, but for a size above 0 with other changes: those come first, with all their refusals, then the size, then a time that
 * the size has overwritten.
 */
export async function change(
  service: FlareService,
  files: EncryptedFiles,
  caller: Caller,
  id: FlareId,
  changes: AttributeChanges,
  expect: Expectation | undefined,
): Promise<Attributes> {
  const { size, ...others } = changes;
  // No size means the same to both, and nothing is left of the blocks.
  if (size === undefined || size === 0) return service.setattr(caller, id, changes, expect);
  checkAttributes(others);
  checkPlainSize(size);
  const resize = (version: number | undefined) => files.change(caller, id, { kind: 'resize', size }, version);
  if (Object.values(others).every((other) => other === undefined)) return resize(expect?.version);
  // What has no size is left as it is.
  const before = await service.getattr(id);
  if (expect?.version !== undefined && expect.version !== before.version) throw FlareError.of('VERSION');
  checkIsFile(before);
  const { version } = await service.setattr(caller, id, others, expect);
  const resized = await resize(expect === undefined ? undefined : version);
  const { mtime } = others;
  return mtime === undefined ? resized : service.setattr(caller, id, { mtime });
}

/** Gives a newborn the plain size that it is to have; what that takes from it, it gets back: bits of its mode, a time. */
export async function grow(
  service: FlareService,
  files: EncryptedFiles,
  caller: Caller,
  { mode, ...made }: Attributes,
  { type, mtime }: Birth,
  size: number,
): Promise<Attributes> {
  if (type !== FlareType.file) return { mode, ...made };
  const grown = await files.change(caller, made, { kind: 'resize', size });
  if (mode === grown.mode && mtime === undefined) return grown;
  return service.setattr(caller, made, { ...(mode !== grown.mode && { mode }), ...(mtime && { mtime }) });
}
