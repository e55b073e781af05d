"""transfer.py SIZE: what is written is read again, whatever the transfer size, which is said to be SIZE."""
import os
import re
import sys

from checks import check, content, drop_caches, finish

size = re.search(r' %s nfs \S*rsize=(\d+)' % re.escape(os.environ['NFS_MNT']), open('/proc/mounts').read()).group(1)
check('the client asks for %s bytes at a time' % sys.argv[1], size == sys.argv[1], size)
for number, length in enumerate((1, 1023, 1024, 1025, 8192, 100_001, 1 << 20)):
    data = content(number, length)
    with open('transfer', 'wb') as f:
        f.write(data)
    drop_caches()
    with open('transfer', 'rb') as f:
        check('%d bytes' % length, f.read() == data)
finish()
