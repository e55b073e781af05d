import { BACKUP, backupCommand } from './backup/backup.ts';
import { RESTORE, restoreCommand } from './backup/restore.ts';
import { BALANCE, balanceCommand } from './balance.ts';
import { BENCH, benchCommand } from './bench.ts';
import { CHECK, checkCommand } from './check.ts';
import { CLIENTS, clientsCommand } from './clients.ts';
import type { Command } from './command.ts';
import { DEAD, deadCommand } from './dead.ts';
import { FILE_COMMANDS } from './files/commands.ts';
import { JOIN, joinCommand } from './join.ts';
import { KEY, keyCommand } from './key.ts';
import { LEAVE, leaveCommand } from './leave.ts';
import { LOCKS, locksCommand } from './locks.ts';
import { PC_USER, pcUserCommand } from './pc-user.ts';
import { READY, readyCommand } from './ready.ts';
import { RING, ringCommand, STATUS, statusCommand } from './ring.ts';
import { SHARES, sharesCommand } from './shares.ts';
import { SUPPORT_BUNDLE, supportBundleCommand } from './support-bundle.ts';
import { TAKEOVER, takeoverCommand } from './takeover.ts';
import { TOP, topCommand } from './top.ts';

/** The commands of `magma`, in the order in which its help has them. */
export const COMMANDS: readonly Command[] = [
  { spec: RING, run: ringCommand },
  { spec: STATUS, run: statusCommand },
  { spec: SHARES, run: sharesCommand },
  { spec: CLIENTS, run: clientsCommand },
  { spec: TOP, run: topCommand },
  { spec: JOIN, run: joinCommand },
  { spec: LEAVE, run: leaveCommand },
  { spec: BALANCE, run: balanceCommand },
  { spec: DEAD, run: deadCommand },
  { spec: READY, run: readyCommand },
  { spec: LOCKS, run: locksCommand },
  { spec: TAKEOVER, run: takeoverCommand },
  { spec: CHECK, run: checkCommand },
  { spec: BACKUP, run: backupCommand },
  { spec: RESTORE, run: restoreCommand },
  { spec: KEY, run: keyCommand },
  { spec: PC_USER, run: pcUserCommand },
  { spec: BENCH, run: benchCommand },
  { spec: SUPPORT_BUNDLE, run: supportBundleCommand },
  ...FILE_COMMANDS,
];
