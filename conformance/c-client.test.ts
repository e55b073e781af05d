import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { captureLink, wellFormed } from './lib/capture.ts';
import { inNamespace, makeNamespace } from './lib/namespace.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';

/*
 * Locks of version 1 and logins of PC-NFS as programs in C see them, that share no line with magma: clients/nlm-client.c and clients/pcnfsd-client.c. The volcano is in one namespace, they are on
 * addresses of another.
 */

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SERVER = '10.9.0.1';
/** The two machines of each transport: both are tried at a time, since a wait that is cancelled takes up to two seconds to end. */
const MACHINES = { udp: ['10.9.0.2', '10.9.0.3'], tcp: ['10.9.0.4', '10.9.0.5'] } as const;

/** What XNFS chapters 10 and 11 have the server say and do. */
const locks = (over: string): string => `\
one NULL of version 1: SUCCESS
one LOCK exclusive 0+100: LCK_GRANTED
two LOCK exclusive 99+1: LCK_DENIED
two TEST shared 50+10: LCK_DENIED: exclusive 7@one, process 7, 0+100
two TEST exclusive 100+0: LCK_GRANTED
two LOCK shared 100+0: LCK_GRANTED
one TEST exclusive 4000+1: LCK_DENIED: shared 9@two, process 9, 100+0
one TEST shared 4000+1: LCK_GRANTED
two UNLOCK shared 100+0: LCK_GRANTED
two LOCK exclusive 50+10, waits: LCK_BLOCKED
one UNLOCK exclusive 0+100: LCK_GRANTED
two is called from ${SERVER} by ${over}: GRANTED exclusive 50+10 to 9@two of two, process 9
one LOCK exclusive 0+100: LCK_DENIED
one LOCK exclusive 0+100, waits: LCK_BLOCKED
one CANCEL exclusive 0+100, waits: LCK_GRANTED
one CANCEL exclusive 0+100, waits: LCK_DENIED
two UNLOCK exclusive 50+10: LCK_GRANTED
one LOCK exclusive 0+100: LCK_GRANTED
two TEST_MSG exclusive 0+1: SUCCESS
two is called from ${SERVER} by ${over}: TEST_RES LCK_DENIED: exclusive 7@one, process 7, 0+100
two LOCK_MSG exclusive 0+1: SUCCESS
two is called from ${SERVER} by ${over}: LOCK_RES LCK_DENIED
two LOCK_MSG exclusive 0+1, waits: SUCCESS
two is called from ${SERVER} by ${over}: LOCK_RES LCK_BLOCKED
two CANCEL_MSG exclusive 0+1, waits: SUCCESS
two is called from ${SERVER} by ${over}: CANCEL_RES LCK_GRANTED
two LOCK_MSG exclusive 0+1, waits: SUCCESS
two is called from ${SERVER} by ${over}: LOCK_RES LCK_BLOCKED
one UNLOCK exclusive 0+100: LCK_GRANTED
two is called from ${SERVER} by ${over}: GRANTED_MSG exclusive 0+1 to 9@two of two, process 9
two GRANTED_RES of version 1: SUCCESS
one LOCK exclusive 0+1: LCK_DENIED
two UNLOCK_MSG exclusive 0+1: SUCCESS
two is called from ${SERVER} by ${over}: UNLOCK_RES LCK_GRANTED
one LOCK exclusive 0+1: LCK_GRANTED
one UNLOCK exclusive 0+1: LCK_GRANTED
one SHARE of version 1, access 3, denies 2: PROC_UNAVAIL
one SHARE of version 3, access 3, denies 2: LCK_GRANTED, sequence 0
two SHARE of version 3, access 2, denies 0: LCK_DENIED, sequence 0
two SHARE of version 3, access 1, denies 0: LCK_GRANTED, sequence 0
one UNSHARE of version 3, access 0, denies 0: LCK_GRANTED, sequence 0
two SHARE of version 3, access 2, denies 3: LCK_GRANTED, sequence 0
one SHARE of version 3, access 1, denies 0: LCK_DENIED, sequence 0
two FREE_ALL of version 3: SUCCESS
one SHARE of version 3, access 1, denies 0: LCK_GRANTED, sequence 0
one LOCK without arguments of version 1: GARBAGE_ARGS
one procedure 16 of version 1: PROC_UNAVAIL
one NULL of version 5: PROG_MISMATCH 1 to 4
the portmapper of two was asked for program 100021 version 1 protocol ${over === 'tcp' ? 6 : 17}
`;

/** What pcnfsd.x (X/Open, (PC)NFS) and docs/protocol-notes.md have it answer: statuses first, AUTH_RES_FAIL is 2, MAP_RES_UNKNOWN 1, PI_RES_NO_SUCH_PRINTER 1, PS_RES_FAIL 4. */
const NO_PRINTER = "'this server has no printers'";
const LOGINS = `\
v1 NULL: SUCCESS
v1 AUTH: SUCCESS 0 1000 100
v1 AUTH: SUCCESS 2 65534 65534
v1 AUTH: SUCCESS 2 65534 65534
v1 PR_INIT: SUCCESS 1 ''
v1 PR_START: SUCCESS 4
v1 4: PROC_UNAVAIL
v2 NULL: SUCCESS
v2 INFO: SUCCESS 'magma PCNFSD V2' '' ( 100 100 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 100 100 -1 )
v2 AUTH: SUCCESS 0 1000 100 ( ) '' 18 ''
v2 AUTH: SUCCESS 0 1001 1001 ( 5 6 ) 'volcano:/home/mary' 18 ''
v2 AUTH: SUCCESS 2 65534 65534 ( ) '' 18 ''
v2 MAPID: SUCCESS '' [ 0 0 1001 'mary' ] [ 2 0 1000 'john' ] [ 0 1 4711 '' ] [ 2 1 0 'nobody' ] [ 3 1 0 'staff' ]
v2 MAPID: SUCCESS ''
v2 PR_INIT: SUCCESS 1 '' ${NO_PRINTER}
v2 PR_START: SUCCESS 4 '' ${NO_PRINTER}
v2 PR_LIST: SUCCESS ${NO_PRINTER}
v2 PR_QUEUE: SUCCESS 1 ${NO_PRINTER} 0 0 0
v2 PR_STATUS: SUCCESS 1 0 0 0 0 ${NO_PRINTER} ${NO_PRINTER}
v2 PR_CANCEL: SUCCESS 1 ${NO_PRINTER}
v2 PR_ADMIN: SUCCESS 1 ${NO_PRINTER}
v2 PR_REQUEUE: SUCCESS 1 ${NO_PRINTER}
v2 PR_HOLD: SUCCESS 1 ${NO_PRINTER}
v2 PR_RELEASE: SUCCESS 1 ${NO_PRINTER}
v2 ALERT: SUCCESS 1 ${NO_PRINTER}
v2 15: PROC_UNAVAIL
v3 NULL: PROG_MISMATCH 1 to 2
`;

t.test(
  'programs in C lock by NLM version 1, are called back, and log in from PC-NFS, over UDP and TCP',
  {
    skip: unmet({
      root: true,
      namespaces: true,
      commands: { gcc: 'gcc', ip: 'iproute2', nsenter: 'util-linux', tcpdump: 'tcpdump', tshark: 'tshark' },
      files: { '/usr/include/stdio.h': 'libc6-dev' },
    }),
    timeout: TEST_TIMEOUT,
  },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-c-client-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const build = async (name: string): Promise<string> => {
      const sources = [name, 'oncrpc'].map((source) => join(HERE, 'clients', `${source}.c`));
      const built = await run('gcc', ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-o', join(scratch, name), ...sources]);
      t.same([built.status, built.stderr], [0, ''], `${name} is built, without a warning`);
      return join(scratch, name);
    };
    const [nlm, pcnfsd] = [await build('nlm-client'), await build('pcnfsd-client')];

    const users = join(scratch, 'pc-users');
    const words = ['pc-user', users, 'john', '--uid', '1000', '--gid', '100'];
    spawnSync(join(HERE, '../bin/magma'), words, { input: 'geheim\n' });
    const john = readFileSync(users, 'utf8');
    writeFileSync(users, `${john}mary:${john.split(':')[1]}:1001:1001:5,6:volcano:/home/mary\n`);

    const [server, clients] = [makeNamespace(t, 'c-server'), makeNamespace(t, 'c-client')];
    const set = async (...words: string[]): Promise<void> => {
      const { status, stderr } = await run('ip', words);
      if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
    };
    await set('-n', server, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', clients);
    await set('-n', server, 'addr', 'add', `${SERVER}/24`, 'dev', 'eth0');
    for (const address of Object.values(MACHINES).flat())
      await set('-n', clients, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    for (const end of [server, clients]) await set('-n', end, 'link', 'set', 'eth0', 'up');
    const volcano = await Volcano.start(t, {
      ...{ directory: join(scratch, 'data'), namespace: server, nfsPort: 2049, mountPort: 20048, portmap: 'own' },
      flags: ['--pcnfsd', users],
    });
    const file = join(scratch, 'capture.pcap');
    const capture = await captureLink(t, clients, 'eth0', file);
    const inside = (command: string, ...words: string[]) => run(...inNamespace(clients, command, ...words));
    const seen = async (over: 'udp' | 'tcp'): Promise<void> => {
      const [one, two] = MACHINES[over];
      const ran = await Promise.all([inside(nlm, SERVER, '/', one, two, over), inside(pcnfsd, SERVER, one, over)]);
      for (const [at, said] of [locks(over), LOGINS].entries()) {
        const { status, stdout, stderr } = ran[at]!;
        t.same([status, stderr], [0, ''], `all was answered over ${over}`);
        t.same(stdout.split('\n'), said.split('\n'), `and as it should be, over ${over}`);
      }
    };
    await Promise.all([seen('udp'), seen('tcp')]);
    volcano.assertAlive();
    await capture.stop();
    await wellFormed(t, file, 150);
  },
);
