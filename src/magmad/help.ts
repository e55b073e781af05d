import { SETTINGS, type Setting } from './settings.ts';

const WIDTH = 80;
const INDENT = 8;

const INTRODUCTION = `magmad: a volcano. It serves its files over NFS version 2.

Usage: magmad [flags]

First steps, without root, on free high ports:

  magmad -b -d ./data --portmap off --nfs-port 12049 --mount-port 12050

In earnest, as root, on the ports that clients expect:

  magmad -b -n wallace -d /srv/magma --shares /etc/magma/shares

Two more volcanos, on other machines, for one tree with every file on two of the three:

  magmad -b -n wallace --key-file /etc/magma/key -i 192.168.1.20 -d /srv/magma
  magmad -n gromit --key-file /etc/magma/key -i 192.168.1.21 -d /srv/magma -r 192.168.1.20
  magmad -n penguin --key-file /etc/magma/key -i 192.168.1.22 -d /srv/magma -r 192.168.1.21

Rules in /etc/magma/shares, one a line: PATH NETWORK r|w|n [option,...]

  /            *                 r
  /home        192.168.1.0/24    w   no_root_squash,tsize=1024
  /home/john   fd00:1::/64       n

Then, on a client: mount -t nfs -o nfsvers=2 HOST:/ /mnt
`;

const CONCLUSION = `Environment: each flag has a variable, MAGMA_NFS_PORT for --nfs-port and so on; lists have
one value a line. Configuration file: the keys are the long names without the dashes:

  nickname = "wallace"
  nfs-port = 2049
  share = ["/ * r", "/home 192.168.1.0/24 w"]

Signals: SIGTERM and SIGINT end it in order; SIGHUP reads the rules again, and keeps the old ones if
the new ones are bad.

Exit status: 0 ended as told, 1 could not serve, 2 flags or configuration are wrong.
`;

/** The page that `magmad --help` prints. */
export function helpText(): string {
  const groups = new Map<string, string[]>();
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const lines = groups.get(setting.group) ?? [];
    groups.set(setting.group, lines);
    const value = setting.value === undefined ? '' : ` ${setting.value}`;
    const short = setting.short === undefined ? '    ' : `-${setting.short}, `;
    lines.push(`  ${short}--${name}${value}`, ...wrap(sentence(setting)));
  }
  const body = [...groups].map(([title, lines]) => `${title}:\n\n${lines.join('\n')}\n`);
  return [INTRODUCTION, ...body, CONCLUSION].join('\n');
}

function sentence(setting: Setting): string {
  return setting.otherwise === undefined ? setting.help : `${setting.help} Default: ${setting.otherwise}.`;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > WIDTH - INDENT) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(INDENT) + each);
}
