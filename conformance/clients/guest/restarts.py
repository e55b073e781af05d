"""restarts.py ROUNDS: works on while the server is ended and started again so many times; files stay open all the while.

Signs in $NFS2_CONTROL: `asked-N` from here, then the server goes and comes, then `done-N` from there."""
import os
import sys

from checks import check, content, drop_caches, finish

ROUNDS = int(sys.argv[1])
CONTROL = os.environ['NFS2_CONTROL']
os.mkdir('restarts')
os.chdir('restarts')
written = {}

log = open('log', 'w+b')
reader_data = content(7, 500_000)
with open('read', 'wb') as f:
    f.write(reader_data)
reader = open('read', 'rb')
directory = os.open('.', os.O_RDONLY)
line = 0


def add_line():
    global line
    log.write(b'%07d\n' % line)
    log.flush()
    os.fsync(log.fileno())
    line += 1


for round_number in range(ROUNDS):
    open('%s/asked-%d' % (CONTROL, round_number), 'w').close()
    made = 0
    try:
        while not os.path.exists('%s/done-%d' % (CONTROL, round_number)) or made < 20:
            add_line()
            name = 'r%d-%d' % (round_number, made)
            with open(name, 'wb') as f:
                f.write(content(made, 3000))
            written[name] = content(made, 3000)
            if made % 3 == 2:
                os.rename(name, name + '-renamed')
                written[name + '-renamed'] = written.pop(name)
            if made % 5 == 4:
                victim = sorted(written)[made % len(written)]
                os.remove(victim)
                del written[victim]
            made += 1
        check('round %d: creates, writes, renames, removes and fsync all succeed' % round_number, True)
    except OSError as error:
        check('round %d: no call fails' % round_number, False, error)
        break
    drop_caches()
    try:
        reader.seek(0)
        check('round %d: a file open for reading is read' % round_number, reader.read() == reader_data)
        log.seek(0)
        check('round %d: the file open for writing has every line' % round_number, log.read() == b''.join(b'%07d\n' % i for i in range(line)))
        names = sorted(os.listdir(directory))
        check('round %d: the open directory lists what was made' % round_number, names == sorted([*written, 'log', 'read']),
              set(names) ^ {*written, 'log', 'read'})
        check('round %d: their contents' % round_number, all(open(n, 'rb').read() == data for n, data in written.items()))
    except OSError as error:
        check('round %d: what was open stays good' % round_number, False, error)
finish()
