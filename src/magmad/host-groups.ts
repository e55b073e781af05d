import { type GroupsOf, hostGroups } from '../acl/host-groups.ts';
import type { Rule } from '../acl/rule.ts';
import type { Logger } from '../base/logger.ts';
import { readTextFile } from './file.ts';

const NOBODY_KNOWN: GroupsOf = () => null;

/** The groups of this host's users, when a rule asks for them. What cannot be read is logged: callers then have the groups that they name. */
export function readHostGroups(
  rules: readonly Rule[],
  logger: Logger,
  files = { passwd: '/etc/passwd', group: '/etc/group' },
): GroupsOf {
  const asking = rules.find(({ options }) => options.hostGroups);
  if (asking === undefined) return NOBODY_KNOWN;
  try {
    const origin = `${asking.where}: host_groups`;
    return hostGroups(readTextFile(files.passwd, origin), readTextFile(files.group, origin));
  } catch (error) {
    logger.error({}, `${(error as Error).message}; callers have the groups that they name, 16 at most`);
    return NOBODY_KNOWN;
  }
}
