"""squashed.py: as root, on a share where root is squashed."""
import errno
import os

from checks import check, drop_caches, finish, refused

check('this is root', os.getuid() == 0)
drop_caches()


def read_secret():
    with open('secret') as f:
        f.read()


refused('root reads no file of mode 600', errno.EACCES, read_secret)
refused('root makes nothing in a directory with mode 755', errno.EACCES, lambda: os.mkdir('mine'))
refused('root removes nothing from it', errno.EACCES, lambda: os.remove('public'))
refused('root gives nothing away', errno.EPERM, lambda: os.chown('public', 1000, 1000))
with open('sticky/made', 'w') as f:
    f.write('by nobody')
drop_caches()
check('what root makes where everybody may is not of root', os.stat('sticky/made').st_uid not in (0, 1000), os.stat('sticky/made').st_uid)
finish()
