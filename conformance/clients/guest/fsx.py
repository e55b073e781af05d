"""fsx.py SEED OPERATIONS: random reads, writes, truncations, mapped reads and writes, and reopenings of one file, each checked, as fsx does."""
import mmap
import os
import random
import sys

from checks import check, drop_caches, finish

SEED, OPERATIONS = int(sys.argv[1]), int(sys.argv[2])
LIMIT = 256 * 1024
chance = random.Random(SEED)
model = bytearray()
fd = os.open('fsx', os.O_RDWR | os.O_CREAT, 0o644)
history = []


def step():
    global fd, model
    kind = chance.choice(('read', 'read', 'write', 'write', 'truncate', 'mapread', 'mapwrite', 'reopen', 'drop', 'sync'))
    offset, length = chance.randrange(LIMIT), chance.randrange(1, 40_000)
    if kind in ('mapread', 'mapwrite', 'read') and model:
        offset %= len(model)
        length = min(length, len(model) - offset)
    history.append((kind, offset, length))
    if kind == 'read':
        return os.pread(fd, length, offset) == model[offset:offset + length]
    if kind == 'write':
        data = chance.randbytes(length)
        if len(model) < offset:
            model.extend(bytes(offset - len(model)))
        model[offset:offset + length] = data
        return os.pwrite(fd, data, offset) == length
    if kind == 'truncate':
        os.ftruncate(fd, offset)
        if offset < len(model):
            del model[offset:]
        else:
            model.extend(bytes(offset - len(model)))
    elif kind in ('mapread', 'mapwrite') and model:
        with mmap.mmap(fd, len(model)) as m:
            if kind == 'mapread':
                return m[offset:offset + length] == model[offset:offset + length]
            data = chance.randbytes(length)
            m[offset:offset + length] = data
            model[offset:offset + length] = data
    elif kind == 'reopen':
        os.close(fd)
        fd = os.open('fsx', os.O_RDWR)
    elif kind == 'drop':
        drop_caches()
    elif kind == 'sync':
        os.fsync(fd)
    return os.fstat(fd).st_size == len(model)


for number in range(OPERATIONS):
    if not step():
        check('operation %d of seed %d' % (number, SEED), False, history[-5:])
        break
else:
    os.close(fd)
    drop_caches()
    with open('fsx', 'rb') as f:
        check('%d random operations on one file, seed %d' % (OPERATIONS, SEED), f.read() == model)
os.remove('fsx')
finish()
