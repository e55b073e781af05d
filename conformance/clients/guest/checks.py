"""What every script in the guest uses: one line a check, on standard output, and the exit status at the end."""
import os
import sys

failed = 0


def check(what, holds, detail=''):
    global failed
    if not holds:
        failed += 1
    print(('ok - ' if holds else 'FAIL - ') + what + (' # %s' % (detail,) if detail and not holds else ''), flush=True)
    return holds


def refused(what, errno_wanted, act):
    """A check that `act` is refused with that error."""
    try:
        act()
    except OSError as error:
        return check(what, error.errno == errno_wanted, error)
    return check(what, False, 'it was done')


def drop_caches():
    """Has the next reads ask the server. Only root can; others see what their kernel remembers."""
    os.sync()
    try:
        with open('/proc/sys/vm/drop_caches', 'w') as f:
            f.write('3')
    except PermissionError:
        pass


def content(number, size):
    """Bytes that differ from number to number and from place to place."""
    line = b'%08d 0123456789abcdefghijklmnopqrstuvwxyz\n' % number
    return (line * (size // len(line) + 1))[:size]


def finish():
    sys.exit(1 if failed else 0)
