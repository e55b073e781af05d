import { SETTINGS } from './settings.ts';

function optionLines(): string {
  return Object.entries(SETTINGS)
    .map(([name, { what, help }]) => `  ${(what === '' ? name : `${name}=${what}`).padEnd(22)} ${help}\n`)
    .join('');
}

/** What `mount.magma --help` prints. */
export const HELP = `mount.magma: mounts the tree of a network of volcanos on this Linux machine, by FUSE; encrypted here, unless --plain is said.

Usage: mount.magma --host=HOST [--keyfile=FILE] [OPTIONS] DIRECTORY
       mount.magma HOST:/[PATH] DIRECTORY -o keyfile=FILE,passfile=FILE,...
       mount -t magma HOST:/[PATH] DIRECTORY -o keyfile=FILE,passfile=FILE,...     (with a link to it as /sbin/mount.magma)

       mount.magma --init HOST:/[PATH]       makes an encrypted tree of an empty directory
       mount.magma --passwd HOST:/[PATH]     gives it another passphrase
       mount.magma --info HOST:/[PATH]       says how it is encrypted

Unmount with "umount DIRECTORY" as root, with "fusermount3 -u DIRECTORY" otherwise.

The passphrase is the first line of the passfile; without one it is asked for on the terminal, or read from standard input if that is none.

Options, as --NAME=VALUE or in the list after -o:
${optionLines()}
In -o also: ro, nosuid, nodev, noexec, noatime and the like; what is only for fstab (_netdev, nofail, x-...) is left alone.

  --key=KEY              the key itself, which others on this machine can see for a moment; MAGMA_KEY in the environment hides it
  -f                     fake: everything but the mount
  -v                     say what was mounted
  -h, --help             print this page
      --version          print the version

Exit status, as mount(8) has it: 0 done, 1 wrong command line, key or passphrase, 2 no FUSE, 8 broken off, 32 not mounted or not done (no volcano
answers, no such directory, no encrypted tree there).
`;
