"""tree.py FILES [ROOT]: writes a tree of so many files, changes it in every way, and compares all of it by checksum each time."""
import hashlib
import os
import stat
import sys

from checks import check, content, drop_caches, finish

FILES = int(sys.argv[1])
DIRECTORIES = 40
ROOT = sys.argv[2] if len(sys.argv) > 2 else 'tree'
model = {}  # path -> bytes


def size_of(number):
    """Mostly small, some empty, every 500th of 1 MiB: a source tree's sizes."""
    if number % 500 == 499:
        return 1 << 20
    return 0 if number % 50 == 7 else (number * 7919) % 6000


def put(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def digest(data):
    return hashlib.sha256(data).digest()


def compare(what):
    drop_caches()
    wrong = []
    seen = set()
    for directory, _, names in os.walk(ROOT):
        for name in names:
            path = os.path.join(directory, name)
            seen.add(path)
            with open(path, 'rb') as f:
                data = f.read()
            if path not in model or digest(data) != digest(model[path]):
                wrong.append(path)
    absent = [path for path in model if path not in seen]
    check('%s: %d files are equal by checksum, none more, none less' % (what, len(model)), not wrong and not absent,
          'wrong %r absent %r' % (wrong[:5], absent[:5]))


def main():
    os.mkdir(ROOT)
    for d in range(DIRECTORIES):
        os.mkdir('%s/d%d' % (ROOT, d))
    for i in range(FILES):
        path = '%s/d%d/f%d' % (ROOT, i % DIRECTORIES, i)
        model[path] = content(i, size_of(i))
        put(path, model[path])
    compare('written')

    for path in sorted(model)[::3]:
        new = '%s/d%d/r-%s' % (ROOT, (len(path) * 7) % DIRECTORIES, os.path.basename(path))
        os.rename(path, new)
        model[new] = model.pop(path)
    victims = sorted(model)[::29]
    for source, target in zip(victims[::2], victims[1::2]):
        os.rename(source, target)
        model[target] = model.pop(source)
    os.rename(ROOT + '/d0', ROOT + '/d1/moved')
    for path in [p for p in model if p.startswith(ROOT + '/d0/')]:
        model[path.replace('/d0/', '/d1/moved/')] = model.pop(path)
    compare('renamed, over others too, and a whole directory into another')

    linked = sorted(model)[::5]
    for path in linked:
        os.link(path, path + '.link')
        model[path + '.link'] = model[path]
    drop_caches()
    same = all(os.stat(p).st_nlink == 2 and os.stat(p).st_ino == os.stat(p + '.link').st_ino for p in linked)
    check('linked: %d files have two names and one number' % len(linked), same)

    for path in sorted(model)[1::7]:
        if path in linked or path.endswith('.link'):
            continue
        half = len(model[path]) // 2
        os.truncate(path, half)
        model[path] = model[path][:half]
    for path in sorted(model)[2::11]:
        if path in linked or path.endswith('.link'):
            continue
        os.truncate(path, len(model[path]) + 5000)
        model[path] += bytes(5000)
    for path in linked[::2]:
        with open(path, 'r+b') as f:
            f.seek(3)
            f.write(b'in the middle')
        data = model[path]
        data = data[:3].ljust(3, b'\0') + b'in the middle' + data[16:]
        model[path] = model[path + '.link'] = data
    compare('truncated, extended, and overwritten through one of two names')

    for path in sorted(model)[::4]:
        os.remove(path)
        del model[path]
    compare('every fourth removed')

    sample = sorted(model)[:100]
    for path in sample:
        os.chmod(path, 0o741)
        os.utime(path, (1_000_000_000, 1_234_567_890))
    drop_caches()
    right = all(stat.S_IMODE(os.stat(p).st_mode) == 0o741 and os.stat(p).st_mtime == 1_234_567_890 for p in sample)
    check('chmod and utime are kept', right)

    os.symlink('../d2/somewhere', ROOT + '/d2/s')
    os.mkfifo(ROOT + '/d2/fifo')
    if os.getuid() == 0:
        os.mknod(ROOT + '/d2/null', 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(ROOT + '/d2/disk', 0o660 | stat.S_IFBLK, os.makedev(8, 17))
    drop_caches()
    check('a symlink keeps its target', os.readlink(ROOT + '/d2/s') == '../d2/somewhere')
    check('a fifo is a fifo', stat.S_ISFIFO(os.stat(ROOT + '/d2/fifo').st_mode))
    if os.getuid() == 0:
        null, disk = os.stat(ROOT + '/d2/null'), os.stat(ROOT + '/d2/disk')
        check('a character device keeps its numbers', stat.S_ISCHR(null.st_mode) and null.st_rdev == os.makedev(1, 3), null)
        check('a block device keeps its numbers', stat.S_ISBLK(disk.st_mode) and disk.st_rdev == os.makedev(8, 17), disk)
        os.remove(ROOT + '/d2/null')
        os.remove(ROOT + '/d2/disk')
    os.remove(ROOT + '/d2/s')
    os.remove(ROOT + '/d2/fifo')

    for directory, directories, names in os.walk(ROOT, topdown=False):
        for name in names:
            os.remove(os.path.join(directory, name))
        for name in directories:
            os.rmdir(os.path.join(directory, name))
    os.rmdir(ROOT)
    drop_caches()
    check('all of it removed', not os.path.exists(ROOT))


main()
finish()
