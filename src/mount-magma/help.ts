import { SETTINGS } from './settings.ts';

function optionLines(): string {
  return Object.entries(SETTINGS)
    .map(([name, { what, help }]) => `  ${(what === '' ? name : `${name}=${what}`).padEnd(22)} ${help}\n`)
    .join('');
}

/** What `mount.magma --help` prints. */
export const HELP = `mount.magma: mounts the tree of a network of volcanos on this Linux machine, by FUSE.

Usage: mount.magma --plain --host=HOST [--keyfile=FILE] [OPTIONS] DIRECTORY
       mount.magma HOST:/[PATH] DIRECTORY -o plain,keyfile=FILE,...
       mount -t magma HOST:/[PATH] DIRECTORY -o plain,keyfile=FILE,...     (with a link to it as /sbin/mount.magma)

Unmount with "umount DIRECTORY" as root, with "fusermount3 -u DIRECTORY" otherwise.

Encryption is not in this version: only --plain mounts are, which show the tree that NFSv2 clients see.

Options, as --NAME=VALUE or in the list after -o:
${optionLines()}
In -o also: ro, nosuid, nodev, noexec, noatime and the like; what is only for fstab (_netdev, nofail, x-...) is left alone.

  --key=KEY              the key itself, which others on this machine can see for a moment; MAGMA_KEY in the environment hides it
  -f                     fake: everything but the mount
  -v                     say what was mounted
  -h, --help             print this page
      --version          print the version

Exit status, as mount(8) has it: 0 mounted, 1 wrong command line or key, 2 no FUSE, 8 broken off, 32 not mounted (no volcano answers, no such directory).
`;
