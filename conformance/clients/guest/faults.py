"""faults.py NAME SERVER...: works on the mount, or, when servers are named, on a mount of each, until the sign `stop` is given, while what serves them fails.

Each mount has a worker with a directory of its own: a journal, and files that are made, written, moved and removed. What was answered is told in
$NFS2_CONTROL/told-NAME-N, a line each, once it is: when it was over, how long it took, and what it was. `compared.py` holds the tree to that."""
import os
import subprocess
import sys
import time

from checks import check, content, finish

NAME, *SERVERS = sys.argv[1:]
CONTROL = os.environ['NFS2_CONTROL']


def mounted(server):
    where = '/mnt/' + server
    os.mkdir(where)
    options = [o for o in os.environ['NFS2_OPTIONS'].split(',') if not o.startswith('addr=')]
    command = ['mount', '-i', '-t', 'nfs', '-o', ','.join([*options, 'addr=' + server]), server + ':/', where]
    subprocess.run(command, check=True)
    return where


class Worker:
    def __init__(self, name, where):
        self.home = os.path.join(where, name)
        self.told = open(os.path.join(CONTROL, 'told-' + name), 'wb')
        self.journal = None
        self.lines = 0

    def step(self, told, act):
        began = time.monotonic()
        act()
        self.told.write(('%.3f %.3f %s\n' % (time.time(), time.monotonic() - began, told)).encode())
        self.told.flush()
        os.fsync(self.told.fileno())

    def add_line(self):
        if self.journal is None:
            self.journal = open(self.home + '/journal', 'ab')
        self.journal.write(b'%08d %s\n' % (self.lines, self.home.encode()))
        self.journal.flush()
        os.fsync(self.journal.fileno())
        self.lines += 1
        if self.lines % 5 == 0:
            self.journal.close()
            self.journal = None

    def put(self, path, number, size):
        with open(os.path.join(self.home, path), 'wb') as f:
            f.write(content(number, size))

    def at(self, path):
        return os.path.join(self.home, path)

    def round(self, n):
        here = 'd%d' % (n // 12)
        if n % 12 == 0:
            self.step('mkdir ' + here, lambda: os.mkdir(self.at(here)))
        self.step('line %d' % self.lines, self.add_line)
        size = (n * 2741) % 20000
        name = '%s/f%d' % (here, n)
        self.step('put %s %d %d' % (name, n, size), lambda: self.put(name, n, size))
        if n % 4 == 1:
            self.step('move %s %s.moved' % (name, name), lambda: os.rename(self.at(name), self.at(name + '.moved')))
        if n % 4 == 3:
            self.step('remove ' + name, lambda: os.remove(self.at(name)))
        if n % 7 == 6:
            link = '%s.%d' % (here, n)
            self.step('link %s %s' % (link, name), lambda: os.symlink(name, self.at(link)))

    def work(self):
        n = 0
        os.mkdir(self.home)
        while not os.path.exists(CONTROL + '/stop'):
            self.round(n)
            n += 1
        if self.journal is not None:
            self.journal.close()
        return n


def run(name, where):
    try:
        rounds = Worker(name, where).work()
    except OSError as error:
        check('%s: no call fails' % name, False, error)
        return 1
    check('%s: %d rounds of work: no call failed' % (name, rounds), rounds > 0)
    return 0


places = [mounted(server) for server in SERVERS] if SERVERS else [os.environ['NFS_MNT']] * 2
children = []
for at, where in enumerate(places):
    pid = os.fork()
    if pid == 0:
        status = run('%s-%d' % (NAME, at), where)
        os._exit(status)
    children.append(pid)
for pid in children:
    check('worker %d ended well' % children.index(pid), os.waitpid(pid, 0)[1] == 0)
os.chdir('/')
for server in SERVERS:
    subprocess.run(['umount', '/mnt/' + server], check=True)
finish()
