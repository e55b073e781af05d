import t from 'tap';
import { plainMount } from './plain-mount.ts';

const line = (rest: string): string => `mount -t nfs -o nfsvers=2,proto=tcp,nolock ${rest}`;

t.test('the plain mount line names what mount.magma was asked for', async (t) => {
  t.equal(plainMount([]), line('HOST:/ /mnt'));
  t.equal(plainMount(['--host=volcano', '--key=m4gm4s3cr3t', '/data']), line('volcano:/ /data'));
  t.equal(plainMount(['--host', 'fd00::1', '/data']), line('[fd00::1]:/ /data'));
  t.equal(plainMount(['volcano:/home', '/h', '-o', 'rw']), line('volcano:/home /h'));
  t.equal(plainMount(['[fd00::1]:/home', '/my home']), line("[fd00::1]:/home '/my home'"));
  t.notMatch(plainMount(['--host=volcano', '--key=m4gm4s3cr3t']), /m4gm4s3cr3t/);
});
