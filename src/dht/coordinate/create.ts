import { FlareError } from '../../flare/errors.ts';
import type { Step } from '../../flare/joint.ts';
import { checkName, keyOf, SALT_BYTES } from '../../flare/keys.ts';
import { NO_BYTES } from '../../flare/record/pack.ts';
import { need, WRITE } from '../../flare/store/access.ts';
import { checkBirth, isDevice } from '../../flare/store/operations/newborn.ts';
import { type Attributes, type Birth, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { flareOf, named, viewOf } from './names.ts';
import { coordinate } from './operation.ts';
import type { Ring } from './ring.ts';

/** `FlareService.create` in a directory of this volcano, when the newborn or what has the name lies elsewhere. */
export async function create(
  ring: Ring,
  caller: Caller,
  directory: FlareId,
  name: Name,
  birth: Birth,
  existing: 'refuse' | 'open' | undefined,
): Promise<Attributes> {
  checkName(name);
  checkBirth(birth);
  const entry = await ring.store.entry(caller, directory, name);
  if (entry !== null) {
    const there = await flareOf(ring, entry.id);
    if (existing !== 'open' || there.type === FlareType.directory) throw FlareError.of('EXIST');
    if (there.type !== FlareType.file || birth.size === undefined) return there;
    return ring.tree.setattr(caller, there, { size: birth.size });
  }
  const parent = await ring.store.getattr(directory);
  need(caller, parent, WRITE);
  if (caller.uid !== 0 && isDevice(birth.type)) throw FlareError.of('PERM');
  for (let salt: Buffer = NO_BYTES; ; salt = ring.random.bytes(SALT_BYTES)) {
    const born = await bear(ring, caller, parent, name, birth, salt);
    if (born !== undefined) return born;
  }
}

/** Undefined when the key is taken. */
async function bear(
  ring: Ring,
  caller: Caller,
  parent: Attributes,
  name: Name,
  birth: Birth,
  salt: Buffer,
): Promise<Attributes | undefined> {
  const key = keyOf(parent.key, name, salt.toString('latin1'));
  const { generation } = parent;
  const addName = (target: Parameters<typeof named>[0]): Step => {
    return { kind: 'addName', directory: { key: parent.key, generation }, name, target: named(target), replaces: null };
  };
  const born = await coordinate(ring, {
    caller,
    // The generation is known only when it is born.
    views: [viewOf(parent)],
    held: [addName({ ...parent, key, generation: 1, type: birth.type })],
    prepared: [{ kind: 'birth', key, salt, directory: viewOf(parent), birth }],
    finish(answers) {
      const [answer] = answers;
      if (answer?.kind !== 'done' || answer.attributes === null) throw new Error('a birth gave no flare');
      return { steps: [addName(answer.attributes)], answer: answer.attributes };
    },
  });
  return born ?? undefined;
}
