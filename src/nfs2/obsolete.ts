import type { MakeProcedure } from './procedure.ts';
import { codecs } from './schema.ts';

/** A procedure that takes nothing, does nothing and answers nothing. */
function nothing(name: string): MakeProcedure {
  return () => ({ name, arguments: codecs.void, result: codecs.void, handle: () => undefined });
}

/** NULL (RFC 1094 §2.2.1): answers that the server is there. */
export const nullProcedure = nothing('NULL');
/** ROOT (RFC 1094 §2.2.4): obsolete, mountd does it; void as the RFC declares it. */
export const rootProcedure = nothing('ROOT');
/** WRITECACHE (RFC 1094 §2.2.8): for a later version of the protocol; void. */
export const writeCacheProcedure = nothing('WRITECACHE');
