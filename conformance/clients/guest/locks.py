"""locks.py first|second ROUNDS: two machines that lock the same files, each in its turn.

Signs in $NFS2_CONTROL say how far each of them is: `first-NAME` and `second-NAME` from them, `server-NAME` from the server's side."""
import errno
import fcntl
import os
import struct
import subprocess
import sys
import time

from checks import check, finish

ME, ROUNDS = sys.argv[1], int(sys.argv[2])
FIRST = ME == 'first'
OTHER = 'second' if FIRST else 'first'
CONTROL = os.environ['NFS2_CONTROL']
TOLD_BY_SERVER = 20  # seconds: Linux asks by itself after 30


def sign(name):
    open('%s/%s-%s' % (CONTROL, ME, name), 'w').close()


def await_sign(name, who=OTHER):
    path = '%s/%s-%s' % (CONTROL, who, name)
    while not os.path.exists(path):
        time.sleep(0.02)


def together(name):
    sign(name)
    await_sign(name)


def refused(lock):
    try:
        lock()
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    return False


def in_the_way(file, start, length):
    """What fcntl(F_GETLK) says: (type, start, length); None when nothing is."""
    asked = struct.pack('hhqqi4x', fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
    kind, _, start, length, _ = struct.unpack('hhqqi4x', fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else (kind, start, length)


if FIRST:
    for name in ('whole', 'ranges', 'counter', 'kept', 'left'):
        with open(name, 'w') as made:
            made.write('0')
together('ready')

# flock: of all bytes, and who waits is told by the server.
with open('whole', 'r+') as file:
    if FIRST:
        fcntl.flock(file, fcntl.LOCK_EX)
        sign('whole')
        await_sign('waits')
        time.sleep(1)
        fcntl.flock(file, fcntl.LOCK_UN)
        check('flock: taken and given back', True)
    else:
        await_sign('whole')
        check('flock: what another machine has exclusively is refused', refused(lambda: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)))
        check('flock and fcntl meet over NFS', refused(lambda: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 5)))
        sign('waits')
        began = time.monotonic()
        fcntl.flock(file, fcntl.LOCK_EX)
        took = time.monotonic() - began
        check('flock: who waits is told by the server (GRANTED) when it is free', 0.3 < took < TOLD_BY_SERVER, took)
together('whole-done')

# fcntl: ranges.
with open('ranges', 'r+') as file:
    if FIRST:
        fcntl.lockf(file, fcntl.LOCK_EX, 30, 0)
        fcntl.lockf(file, fcntl.LOCK_UN, 10, 10)
        with open('ranges', 'r') as reader:
            pass  # closing it ends all of this process's locks of the file
        fcntl.lockf(file, fcntl.LOCK_EX, 30, 0)
        fcntl.lockf(file, fcntl.LOCK_UN, 10, 10)
        fcntl.lockf(file, fcntl.LOCK_SH, 10, 20)
        sign('ranges')
        await_sign('ranges')
    else:
        await_sign('ranges')
        check('fcntl: a byte of an exclusive range is refused', refused(lambda: fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 9)))
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 10)
        check('fcntl: the hole that was unlocked is free', True)
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 10, 20)
        check('fcntl: what is shared is shared', True)
        check('fcntl: and cannot be had exclusively', refused(lambda: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 25)))
        check('F_GETLK says what is in the way', in_the_way(file, 0, 5) == (fcntl.F_WRLCK, 0, 10), in_the_way(file, 0, 5))
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 0, 100)
        check('fcntl: to the end of the file, behind all others', True)
        sign('ranges')
together('ranges-done')

# A storm: each adds to one number under a lock, with two processes on each machine.
workers = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        for _ in range(ROUNDS):
            with open('counter', 'r+') as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                number = int(file.read())
                file.seek(0)
                file.write(str(number + 1))
        os._exit(0)
    workers.append(pid)
for pid in workers:
    os.waitpid(pid, 0)
together('storm-done')
with open('counter') as file:
    fcntl.lockf(file, fcntl.LOCK_SH)
    number = int(file.read())
check('no update under a lock is lost', number == 4 * ROUNDS, number)

# The server is killed while locks are held.
with open('kept', 'r+') as file:
    if FIRST:
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 0)
        sign('kept')
        await_sign('restarted', 'server')
        await_sign('kept')
        file.write('mine')
        file.flush()
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 0)
        check('after kill -9 the holder still has its lock, and may take it again', True)
        fcntl.lockf(file, fcntl.LOCK_UN, 10, 0)
        sign('kept-free')
    else:
        await_sign('restarted', 'server')
        check('after kill -9 nobody else gets what was held', refused(lambda: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)))
        sign('kept')
        await_sign('kept-free')
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
        check('and then everybody may have it', True)
together('kept-done')

# A client starts anew: its status monitor says so, and only its locks end. (Both machines have the same name here.)
with open('left', 'r+') as file, open('whole', 'r+') as whole:
    if FIRST:
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 0)
        sign('left')
        await_sign('left')
        told = subprocess.run(['timeout', '20', 'sm-notify', '-f', '-d'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check('sm-notify, as after a start of this machine, is answered', told.returncode == 0, told.stdout)
        sign('left-gone')
        await_sign('left-taken')
        check('the locks of the other machine, of the same name, stay', refused(lambda: fcntl.lockf(whole, fcntl.LOCK_EX | fcntl.LOCK_NB)))
    else:
        fcntl.lockf(whole, fcntl.LOCK_EX)
        await_sign('left')
        check('what a machine has locked is refused', refused(lambda: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)))
        sign('left')
        await_sign('left-gone')
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
        check('and free when that machine has started anew', True)
        sign('left-taken')
    together('left-done')
    # Records were lost: rpc.statd here is told, and the kernel reclaims what it has.
    if not FIRST:
        sign('crash')
    await_sign('told', 'server')
    check('rpc.statd is told of a loss of locks', True)

finish()
