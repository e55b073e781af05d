"""prepare.py: as root, what permissions.py finds: a place for user 1000, and things that are not for that user."""
import os

from checks import check, finish

os.makedirs('squashed/home')
os.chown('squashed/home', 1000, 1000)
os.mkdir('squashed/sticky')
os.chmod('squashed/sticky', 0o1777)
with open('squashed/sticky/theirs', 'w') as f:
    f.write('theirs')
os.mkdir('squashed/closed')
os.chmod('squashed/closed', 0o700)
for name, mode in (('secret', 0o600), ('public', 0o644), ('run', 0o711)):
    with open('squashed/' + name, 'w') as f:
        f.write(name)
    os.chmod('squashed/' + name, mode)
with open('squashed/group', 'w') as f:
    f.write('group')
os.chown('squashed/group', 0, 1000)
os.chmod('squashed/group', 0o640)
check('prepared', True)
finish()
