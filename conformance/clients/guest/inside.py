"""inside.py: as user 1000, on a mount of that user's own directory below a share."""
import os

from checks import check, finish

check('what is there is the directory itself', os.path.isdir('e') and os.stat('.').st_uid == 1000)
with open('inside', 'w') as f:
    f.write('inside')
check('it is written', open('inside').read() == 'inside')
finish()
