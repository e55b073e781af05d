"""kept.py write|read ROUND: writes files that ROUND alone decides, durably, or finds them as they were written."""
import hashlib
import os
import sys

from checks import check, finish

what, round_ = sys.argv[1], sys.argv[2]
for number in range(8):
    name = 'kept-%s-%d' % (round_, number)
    data = hashlib.shake_128(name.encode()).digest(20000 * number + 1)
    if what == 'write':
        with open(name, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    else:
        with open(name, 'rb') as file:
            check('%s is as it was written' % name, file.read() == data)
finish()
