"""held.py first|second: one machine has locks while a volcano of the ring dies, the other one asks for them.

Signs in $NFS2_CONTROL as in locks.py."""
import errno
import fcntl
import os
import sys
import time

from checks import check, finish

ME = sys.argv[1]
FIRST = ME == 'first'
OTHER = 'second' if FIRST else 'first'
CONTROL = os.environ['NFS2_CONTROL']
# So many that every volcano of the ring has some.
NAMES = ['held-%d' % i for i in range(24)]


def sign(name):
    open('%s/%s-%s' % (CONTROL, ME, name), 'w').close()


def await_sign(name, who=OTHER):
    path = '%s/%s-%s' % (CONTROL, who, name)
    while not os.path.exists(path):
        time.sleep(0.05)


def refused(file):
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    return False


if FIRST:
    for name in NAMES:
        open(name, 'w').close()
    files = [open(name, 'r+') for name in NAMES]
    for file in files:
        fcntl.lockf(file, fcntl.LOCK_EX)
    sign('held')
    await_sign('dead', 'server')
    await_sign('asked')
    for file in files:
        file.write('mine')
        file.flush()
        fcntl.lockf(file, fcntl.LOCK_EX)
    check('the holder has its locks, and may take them again, at another volcano', True)
    for file in files:
        fcntl.lockf(file, fcntl.LOCK_UN)
    sign('free')
    await_sign('done')
else:
    await_sign('held')
    files = [open(name, 'r+') for name in NAMES]
    check('what is locked at one volcano is refused at another', all([refused(file) for file in files]))
    sign('refused')
    await_sign('dead', 'server')
    check('also when a volcano has died', all([refused(file) for file in files]))
    sign('asked')
    await_sign('free')
    check('and free when it is given back', not any([refused(file) for file in files]))
    sign('done')
finish()
