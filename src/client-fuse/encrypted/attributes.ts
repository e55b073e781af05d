import { type Attributes, FlareType } from '../../flare/types.ts';
import { plainSize } from '../crypto/sizes.ts';
import { longestTarget } from '../crypto/targets.ts';

/** What a user of the plain tree is told of a flare: sizes of files and lengths of targets are those of what is inside. `used` stays what it takes. */
export function plainAttributes(attributes: Attributes): Attributes {
  const { type, size } = attributes;
  if (type === FlareType.file) return { ...attributes, size: plainSize(size) };
  if (type === FlareType.symlink) return { ...attributes, size: longestTarget(size) };
  return attributes;
}
