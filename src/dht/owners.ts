import type { JointPart } from '../flare/joint.ts';
import type { FlareService } from '../flare/service.ts';

/** The volcano that a slice belongs to now, as another one reaches it. */
export interface Owner {
  /** The same for all slices of that volcano, and no other's. */
  readonly id: string;
  readonly service: FlareService;
  readonly joint: JointPart;
}

/** Who owns what, as the newest known projection says. */
export interface Owners {
  /** Whether this volcano is the slice's owner. */
  isOwn(slice: number): boolean;
  /** The owner of a slice that is not this volcano's own. Throws `RetryError` when there is none to be had now. */
  of(slice: number): Owner;
}

/**
 * Nothing was answered, because the map has changed, is about to, or a volcano could not be reached: to be tried again when the map is newer, or a
 * moment later. What was asked for may have happened.
 */
export class RetryError extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'RetryError';
  }
}
