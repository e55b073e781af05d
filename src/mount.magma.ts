import { plainMount } from './magma/plain-mount.ts';
import { VERSION } from './magmad/version.ts';

const HELP = `mount.magma: the encrypted client. It is not in this version of magma.

A Linux machine can mount a volcano like any other NFSv2 client, without encryption, if its kernel has NFSv2:

  mount -t nfs -o nfsvers=2,proto=tcp,nolock HOST:/ /mnt

"mount.magma --host=HOST /mnt" and "mount.magma HOST:/ /mnt" print that line for a host.

  -h, --help     print this page
      --version  print the version
`;

const argv = process.argv.slice(2);
if (argv.includes('--help') || argv.includes('-h')) {
  process.stdout.write(HELP);
} else if (argv.includes('--version')) {
  process.stdout.write(`mount.magma ${VERSION}\n`);
} else {
  process.stderr.write(
    'mount.magma: the encrypted client is not in this version of magma.\n' +
      `mount.magma: cure: mount without encryption, as any NFSv2 client does: ${plainMount(argv)}\n`,
  );
  process.exitCode = 1;
}
