"""shared.py SIDE OTHER SECONDS NICKNAME...: one of two clients of a ring, each on a volcano of its own, whose attribute timeout is SECONDS: works until the sign
'joined' is given, then looks for what the other one does."""
import os
import sys
import time

from checks import check, content, drop_caches, finish

SIDE, OTHER, SECONDS, *NICKNAMES = sys.argv[1:]
CONTROL = os.environ['NFS2_CONTROL']


def sign(name):
    open(os.path.join(CONTROL, name), 'w').close()


def given(name):
    return os.path.exists(os.path.join(CONTROL, name))


def wait_for(name):
    while not given(name):
        time.sleep(0.02)


def put(path, data):
    with open(path, 'wb') as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())


def churn():
    """Makes, moves and removes flares in directories of its own until the third volcano is there, and some rounds more."""
    kept = {}
    rounds = 0
    left = 3
    while left > 0:
        if given('joined'):
            left -= 1
        top = '%s%d' % (SIDE, rounds)
        os.makedirs(top + '/sub')
        for i in range(6):
            data = content(rounds * 10 + i, 700 * i)
            put('%s/f%d' % (top, i), data)
            kept['%s/f%d' % (top, i)] = data
        os.rename(top + '/f1', top + '/sub/f1')
        kept[top + '/sub/f1'] = kept.pop(top + '/f1')
        os.link(top + '/f2', top + '/sub/again')
        kept[top + '/sub/again'] = kept[top + '/f2']
        os.remove(top + '/f3')
        del kept[top + '/f3']
        os.rename(top + '/f5', top + '/f4')
        kept[top + '/f4'] = kept.pop(top + '/f5')
        os.symlink('f0', top + '/link')
        # The directory that both work in.
        put('both/%s-%d' % (SIDE, rounds), b'%d' % rounds)
        kept['both/%s-%d' % (SIDE, rounds)] = b'%d' % rounds
        if rounds % 3 == 2:
            os.rename(top, '%s-moved%d' % (SIDE, rounds))
            kept = {p.replace(top + '/', '%s-moved%d/' % (SIDE, rounds), 1) if p.startswith(top + '/') else p: d for p, d in kept.items()}
        rounds += 1
    return rounds, kept


def read(path):
    with open(path, 'rb') as f:
        return f.read()


os.makedirs('both', exist_ok=True)
sign('began-' + SIDE)
try:
    rounds, kept = churn()
    check('%d rounds of work while a volcano joins: no call failed' % rounds, True)
except OSError as error:
    check('no call fails while a volcano joins', False, error)
    finish()
drop_caches()
wrong = [path for path, data in sorted(kept.items()) if read(path) != data]
check('%d files are as they were written' % len(kept), not wrong, wrong[:5])

# Known not to be there, so that only a look at the server can tell.
check('what the other has not made is not there', not os.path.exists('both/from-' + OTHER))
sign('looked-' + SIDE)
wait_for('looked-' + OTHER)
put('both/from-' + SIDE, content(7, 9000))
sign('wrote-' + SIDE)
wait_for('wrote-' + OTHER)
time.sleep(float(SECONDS))
check("the other's file is seen within the attribute timeout", os.path.exists('both/from-' + OTHER))
check('with its contents', read('both/from-' + OTHER) == content(7, 9000))
sign('saw-' + SIDE)
wait_for('saw-' + OTHER)
with open('both/from-' + OTHER, 'ab') as f:
    f.write(SIDE.encode())
sign('added-' + SIDE)
wait_for('added-' + OTHER)
time.sleep(float(SECONDS))
check('what the other has added is seen as well', read('both/from-' + SIDE) == content(7, 9000) + OTHER.encode())

mine, others = ({n for n in os.listdir('both') if n.startswith(side + '-')} for side in (SIDE, OTHER))
check('the names that both have made are listed', len(mine) == rounds and len(others) > 0, (len(mine), len(others)))
names = sorted(os.listdir('.dht'))
check('/.dht/ has a file for each volcano', names == sorted([*NICKNAMES, 'projection', 'ring']), names)
texts = {name: open('.dht/' + name).read() for name in NICKNAMES}
check('each says that it serves', all('\nstate = serving\n' in text for text in texts.values()), texts)
capacity = sum(int(line.split(' = ')[1]) for text in texts.values() for line in text.split('\n') if line.startswith('capacity = '))
space = os.statvfs('.')
check('STATFS is the sum of all, by the copies', abs(space.f_blocks * space.f_frsize - capacity / 2) < capacity / 100, (space, capacity))
try:
    open('.dht/new', 'w')
    check('/.dht/ is read-only', False)
except OSError:
    check('/.dht/ is read-only', True)
finish()
