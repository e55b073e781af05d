import * as xdr from '@stellar/js-xdr';
import type { NoteStore } from '../../flare/service.ts';
import { compile } from '../../rpc/xdr.ts';
import type { Hello } from '../programs/node/hello.ts';
import { DeniedError } from '../programs/result.ts';
import type { MemberId } from '../projection/types.ts';

/** The note of the how manieth life of this data directory it is. */
export const LIFE_NOTE = 'volcano/life';

const codec = compile(xdr.uint64());

/** Begins a life of a data directory: its number, from 1; durable before anybody hears of it. */
export async function beginLife(notes: NoteStore): Promise<number> {
  const kept = notes.note(LIFE_NOTE);
  const life = (kept === null ? 0 : codec.decode(kept)) + 1;
  await notes.setNote(LIFE_NOTE, codec.encode(life));
  return life;
}

/**
 * The lives of other volcanos that were heard of in this one's. A data directory counts its own, and that never goes back: who says a lower number has an older copy of it, and of two that say the same one is a
 * copy of the other.
 */
export class Lives {
  readonly #heard = new Map<MemberId, Pick<Hello, 'life' | 'born'>>();

  /** Another volcano says hello. `DeniedError` when its data directory is a copy. */
  meet({ id, nickname, life, born, joining }: Hello): void {
    // Who is no volcano yet has none.
    if (joining) return;
    const known = this.#heard.get(id);
    if (known !== undefined && life < known.life)
      throw new DeniedError(
        `the data directory of ${nickname} is an older copy: this is life ${life} of it, and life ${known.life} was heard of. Cure: start it with the one that it had last; or, when that is gone, ` +
          `magma dead ${nickname}, and start it with an empty one`,
      );
    if (known !== undefined && life === known.life && born !== known.born)
      throw new DeniedError(
        `there are two of ${nickname}: the data directory of one is a copy of the other's (life ${life}). Cure: stop the one that was copied to`,
      );
    this.#heard.set(id, { life, born });
  }
}
