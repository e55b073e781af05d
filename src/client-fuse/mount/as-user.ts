import { closeSync } from 'node:fs';
import { fuseHost, hostError } from '../device/host.ts';
import { MountError, type MountOptions } from './options.ts';
import { run } from './run.ts';

const AF_UNIX = 1;
/** `SOCK_STREAM`, closed on exec (the child gets a copy). */
const SOCK_STREAM = 1 | 0o2000000;
const MSG_DONTWAIT = 0x40;
/** The descriptor that comes is not inherited by children. */
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** `CMSG_LEN` and `CMSG_SPACE` of one descriptor. */
const CONTROL_LENGTH = 20;
const CONTROL_SPACE = 24;

/**
 * Mounts by fusermount3, which is setuid: it sends the descriptor of the connection over a socket. Resolves with that, not blocking; rejects with `MountError`.
 */
export async function mountAsUser(options: MountOptions): Promise<number> {
  const { source, target, allowOther = false, generic = [] } = options;
  const [ours, theirs] = socketPair();
  try {
    const named = [`fsname=${escaped(source)}`, 'subtype=magma', 'default_permissions'];
    const all = [...named, ...(allowOther ? ['allow_other'] : []), ...generic].join(',');
    const environment = { _FUSE_COMMFD: '3' };
    const ran = await run('fusermount3', ['-o', all, '--', target], { fd: theirs, environment });
    if (ran.failed !== null) {
      const cure = 'install it (Debian: apt install fuse3), or run this as root';
      throw new MountError('fuse', `fusermount3 cannot be run: ${ran.failed.message}. Cure: ${cure}`);
    }
    if (ran.status !== 0) {
      const kind = /not found|fuse device|modprobe|\/dev\/fuse/.test(ran.said) ? 'fuse' : 'refused';
      const cure = /user_allow_other/.test(ran.said) ? '. Cure: that line in /etc/fuse.conf' : '';
      throw new MountError(kind, `${target} could not be mounted: ${ran.said || 'fusermount3 failed'}${cure}`);
    }
    return received(ours);
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

/** As fusermount3 wants values: a comma would end it. */
function escaped(value: string): string {
  return value.replaceAll(/[\\,]/g, '\\$&');
}

function socketPair(): readonly [number, number] {
  const fds = new Int32Array(2);
  if (fuseHost().socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) throw hostError('socketpair', fuseHost().errno(), '');
  return [fds[0]!, fds[1]!];
}

/** Receives the descriptor that was sent before fusermount3 ended. */
function received(socket: number): number {
  const host = fuseHost();
  // One piece of memory: a byte of data, its iovec, the control message, the msghdr. 64-bit Linux, little endian.
  const memory = new ArrayBuffer(256);
  const view = new DataView(memory);
  const at = host.addressOf(memory);
  const [DATA, IOVEC, CONTROL, HEADER] = [0, 16, 32, 64];
  const pointer = (place: number, value: number): void => view.setBigUint64(place, BigInt(value), true);
  pointer(IOVEC, at + DATA);
  pointer(IOVEC + 8, 1);
  pointer(HEADER + 16, at + IOVEC);
  pointer(HEADER + 24, 1);
  pointer(HEADER + 32, at + CONTROL);
  pointer(HEADER + 40, CONTROL_SPACE);
  if (host.recvmsg(socket, at + HEADER, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) {
    throw hostError('recvmsg', host.errno(), 'from fusermount3');
  }
  const whole = view.getBigUint64(HEADER + 40, true) >= CONTROL_LENGTH;
  const length = Number(view.getBigUint64(CONTROL, true));
  const rights = view.getInt32(CONTROL + 8, true) === SOL_SOCKET && view.getInt32(CONTROL + 12, true) === SCM_RIGHTS;
  if (!whole || length !== CONTROL_LENGTH || !rights) throw new MountError('fuse', 'fusermount3 sent no descriptor');
  const fd = view.getInt32(CONTROL + 16, true);
  const flags = host.fcntl(fd, F_GETFL, 0);
  if (flags < 0 || host.fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) throw hostError('fcntl', host.errno(), '');
  return fd;
}
