"""permissions.py: as user 1000 of group 1000, on a share where root is squashed."""
import errno
import os
import stat

from checks import check, drop_caches, finish, refused

check('this is no root', os.getuid() == 1000)
refused('a file of root with mode 600 is not read', errno.EACCES, lambda: open('secret'))
check('one with mode 644 is read', open('public').read() == 'public')
refused('but not written', errno.EACCES, lambda: open('public', 'w'))
check('one with mode 640 and the own group is read', open('group').read() == 'group')
refused('a directory with mode 700 of root is not listed', errno.EACCES, lambda: os.listdir('closed'))
refused('nothing is made in a directory with mode 755 of root', errno.EACCES, lambda: open('mine', 'w'))
refused('nothing is removed from it', errno.EACCES, lambda: os.remove('public'))
refused('chmod is for the owner', errno.EPERM, lambda: os.chmod('public', 0o777))
refused('chown is for root', errno.EPERM, lambda: os.chown('home', 0, 0))
refused('a sticky directory keeps what others own', errno.EPERM, lambda: os.remove('sticky/theirs'))
os.chdir('home')
with open('file', 'w') as f:
    f.write('mine')
    os.chmod('file', 0)
    f.write(' still')
check('the owner writes on in what he opened, whatever mode it has since', os.stat('file').st_size == 10)
os.chmod('file', 0o4755)
check('what he makes is his own', (os.stat('file').st_uid, os.stat('file').st_gid) == (1000, 1000))
fd = os.open('readonly', os.O_CREAT | os.O_WRONLY, 0o444)
os.write(fd, b'written though its mode is 444')
os.close(fd)
check('a file made with mode 444 is written by who made it', os.stat('readonly').st_size == 30)
os.utime('file', (1, 2))
check('the owner sets times', os.stat('file').st_mtime == 2)
os.utime('file')
check('and touches', os.stat('file').st_mtime > 1_500_000_000)
os.rename('file', '../sticky/file')
os.remove('../sticky/file')
os.mkdir('d')
os.mkdir('d/e')
os.rename('d/e', 'e')
check('the own directory is his to change', stat.S_ISDIR(os.stat('e').st_mode))
finish()
