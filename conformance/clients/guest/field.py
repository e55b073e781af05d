"""field.py: what the classic suites and the field look at, each of which at least one server is known to fail."""
import errno
import mmap
import os
import stat
import subprocess

from checks import check, content, drop_caches, finish, refused

os.makedirs('field/a')
os.mkdir('field/b')
os.chdir('field')


def moved_while_open():
    f = open('a/open', 'w+b')
    f.write(b'before ')
    f.flush()
    os.fsync(f.fileno())
    os.rename('a/open', 'b/moved')
    drop_caches()
    f.write(b'after')
    f.flush()
    os.fsync(f.fileno())
    drop_caches()
    f.seek(0)
    check('an open file moved to another directory is written and read on', f.read() == b'before after')
    f.close()


def same_name_again():
    os.mkdir('again')
    old = os.open('again', os.O_RDONLY)
    os.rmdir('again')
    os.mkdir('again')
    open('again/new', 'w').close()
    drop_caches()
    try:
        seen = os.listdir(old)
    except OSError as error:
        seen = error.errno
    check('the handle of a removed directory is not that of the next one of its name', seen in ([], errno.ESTALE, errno.ENOENT), seen)
    os.close(old)
    drop_caches()
    check('the new one is whole', os.listdir('again') == ['new'])


def deep():
    top = os.getcwd()
    for level in range(50):
        os.mkdir('level%d' % level)
        os.chdir('level%d' % level)
    with open('bottom', 'w') as f:
        f.write('50 deep')
    path = os.path.join(top, *['level%d' % level for level in range(50)], 'bottom')
    drop_caches()
    check('a path 50 deep', open(path).read() == '50 deep')
    os.remove('bottom')
    for level in reversed(range(50)):
        os.chdir('..')
        os.rmdir('level%d' % level)
    os.chdir(top)


def removed_while_open():
    f = open('unlinked', 'w+b')
    f.write(b'still here')
    f.flush()
    os.remove('unlinked')
    drop_caches()
    f.seek(0)
    check('an open file that is removed is read on', f.read() == b'still here')
    f.close()
    check('and then leaves nothing behind', not [n for n in os.listdir('.') if n.startswith('.nfs')])


def holes():
    with open('sparse', 'wb') as f:
        f.seek(1_000_000)
        f.write(b'end')
    drop_caches()
    with open('sparse', 'rb') as f:
        data = f.read()
    check('a hole reads as zeros', data == bytes(1_000_000) + b'end')
    check('and takes no room', os.stat('sparse').st_blocks * 512 < 500_000, os.stat('sparse').st_blocks)


def large_offsets():
    with open('large', 'wb') as f:
        f.seek((1 << 31) - 10)
        f.write(b'0123456')
    drop_caches()
    with open('large', 'rb') as f:
        f.seek((1 << 31) - 10)
        check('bytes just below 2 GiB', f.read() == b'0123456')
    os.remove('large')


def mapped():
    data = content(42, 3 * 1024 * 1024 + 123)
    with open('mapped', 'wb') as f:
        f.write(data)
    drop_caches()
    with open('mapped', 'rb') as f:
        with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
            places = [(len(data) - 1 - i * 70_001) % len(data) for i in range(200)]
            check('mmap reads in no order', all(m[p] == data[p] for p in places))
            check('mmap reads all', m[:] == data)
    with open('mapped', 'r+b') as f:
        with mmap.mmap(f.fileno(), 0) as m:
            m[1_000_000:1_000_005] = b'MAGMA'
            m.flush()
    drop_caches()
    with open('mapped', 'rb') as f:
        f.seek(1_000_000)
        check('mmap writes', f.read(5) == b'MAGMA')


def names():
    odd = [b'\xff\xfe', b'a b', b'-n', b'x' * 255, 'ü'.encode(), b'new\nline', b'back\\slash']
    os.mkdir(b'names')
    for name in odd:
        open(b'names/' + name, 'w').close()
    drop_caches()
    check('names are bytes', sorted(os.listdir(b'names')) == sorted(odd), os.listdir(b'names'))
    refused('a name of 256 bytes is too long', errno.ENAMETOOLONG, lambda: open('names/' + 'y' * 256, 'w'))


def listing():
    os.mkdir('many')
    for i in range(1000):
        os.mkdir('many/a directory with a longer name, number %d' % i)
    drop_caches()
    seen = os.listdir('many')
    check('a listing of 1000 is complete and has nothing twice', len(seen) == 1000 and len(set(seen)) == 1000, len(seen))
    with os.scandir('many') as entries:  # removes while it lists, as rm -r does
        for entry in entries:
            os.rmdir(entry.path)
    drop_caches()
    check('all are met by a listing that removes them', os.listdir('many') == [], len(os.listdir('many')))


def refusals():
    os.mkdir('full')
    open('full/x', 'w').close()
    refused('rmdir of a directory that is not empty', errno.ENOTEMPTY, lambda: os.rmdir('full'))
    refused('mkdir of what is there', errno.EEXIST, lambda: os.mkdir('full'))
    refused('a directory into itself', errno.EINVAL, lambda: os.rename('full', 'full/below'))
    refused('a file over a directory', errno.EISDIR, lambda: os.rename('sparse', 'again'))
    refused('unlink of what is not there', errno.ENOENT, lambda: os.remove('nothing'))
    refused('O_EXCL on what is there', errno.EEXIST, lambda: os.open('sparse', os.O_CREAT | os.O_EXCL))


def sticky_and_setgid():
    os.mkdir('shared')
    os.chmod('shared', 0o2775)
    os.chown('shared', 0, 4242)
    drop_caches()
    open('shared/x', 'w').close()
    os.mkdir('shared/y')
    drop_caches()
    check('a setgid directory gives its group on', os.stat('shared/x').st_gid == 4242 == os.stat('shared/y').st_gid)
    check('and its bit to directories', os.stat('shared/y').st_mode & stat.S_ISGID)


def two_mounts():
    """A file that is appended to by two mounts in turn, neither of which remembers attributes."""
    second = '/tmp/second'
    os.mkdir(second)
    options = os.environ['NFS2_OPTIONS'] + ',nosharecache,noac'
    for at in (second,):
        subprocess.run(['mount', '-i', '-t', 'nfs', '-o', options, os.environ['NFS2_SOURCE'], at], check=True)
    try:
        here = os.path.join(second, os.path.relpath(os.getcwd(), os.environ['NFS_MNT']))
        wanted = b''
        for turn in range(100):
            line = b'turn %d\n' % turn
            path = 'appended' if turn % 2 else os.path.join(here, 'appended')
            f = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(f, line)
            os.close(f)
            wanted += line
        with open(os.path.join(here, 'appended'), 'rb') as f:
            seen = f.read()
        check('a file appended to by two mounts has every line, in order', seen == wanted, len(seen))
    finally:
        subprocess.run(['umount', second], check=False)


for part in (moved_while_open, same_name_again, deep, removed_while_open, holes, large_offsets, mapped, names, listing, refusals,
             sticky_and_setgid, two_mounts):
    try:
        part()
    except Exception as error:
        check(part.__name__, False, repr(error))
finish()
