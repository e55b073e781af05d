import type { Eventually } from '../../base/eventually.ts';
import type { JointStore } from '../../flare/joint.ts';
import type { EntryState } from '../../flare/record/pack.ts';
import type { FlareService } from '../../flare/service.ts';
import type { Caller, FlareId, Name } from '../../flare/types.ts';
import type { Owners } from '../owners.ts';
import type { Pace } from '../retry.ts';
import type { Outcomes } from './outcomes.ts';

/** This volcano's own flares. */
export interface OwnStore extends FlareService {
  readonly joint: JointStore;
  /** A change may have to wait before it is looked at. */
  readonly busy: boolean;
  /** What a name means; null: nothing. NOTDIR, ACCES. */
  entry(caller: Caller, directory: FlareId, name: Name): Eventually<EntryState | null>;
}

/** What a coordinator works with. */
export interface Ring extends Pace {
  readonly store: OwnStore;
  readonly owners: Owners;
  /** The whole tree, for looking at flares of other owners. */
  readonly tree: FlareService;
  readonly outcomes: Outcomes;
}
