import * as xdr from '@stellar/js-xdr';
import { compile } from '../rpc/xdr.ts';

/** The longest directory path, in bytes (`MNTPATHLEN`, RFC 1094 appendix A.3). */
export const MNTPATHLEN = 1024;
/** The longest name of a host or group, in bytes (`MNTNAMLEN`, RFC 1094 appendix A.3). */
export const MNTNAMLEN = 255;
/** Bytes of a file handle (`FHSIZE`, RFC 1094 §2.2). */
export const FHSIZE = 32;

const dirpath = xdr.string(MNTPATHLEN);
const name = xdr.string(MNTNAMLEN);

const fhstatus = xdr.union('fhstatus', {
  switchOn: xdr.int32(),
  switchKey: 'status',
  cases: [xdr.case('directory', 0, xdr.field('directory', xdr.opaque(FHSIZE)))],
  defaultArm: xdr.void(),
});

interface MountShape {
  hostname: Uint8Array;
  directory: Uint8Array;
  next: MountShape | null;
}

const mountlist: xdr.XdrType<MountShape> = xdr.struct('mountlist', {
  hostname: name,
  directory: dirpath,
  next: xdr.option(xdr.lazy(() => mountlist)),
});

interface GroupShape {
  name: Uint8Array;
  next: GroupShape | null;
}

const groups: xdr.XdrType<GroupShape> = xdr.struct('groups', {
  name,
  next: xdr.option(xdr.lazy(() => groups)),
});

interface ExportShape {
  directory: Uint8Array;
  groups: GroupShape | null;
  next: ExportShape | null;
}

const exportlist: xdr.XdrType<ExportShape> = xdr.struct('exportlist', {
  directory: dirpath,
  groups: xdr.option(groups),
  next: xdr.option(xdr.lazy(() => exportlist)),
});

/** In C these are a short here, a char there: XDR gives each of them four bytes. */
const ppathcnf = xdr.struct('ppathcnf', {
  linkMax: xdr.int32(),
  maxCanon: xdr.int32(),
  maxInput: xdr.int32(),
  nameMax: xdr.int32(),
  pathMax: xdr.int32(),
  pipeBuf: xdr.int32(),
  vdisable: xdr.uint32(),
  padding: xdr.int32(),
  mask: xdr.fixedArray(xdr.int32(), 2),
});

/** The types of the mount protocol, RFC 1094 appendix A.3 to A.5, and version 2's `ppathcnf`. */
export const codecs = {
  void: compile(xdr.void()),
  dirpath: compile(dirpath),
  fhstatus: compile(fhstatus),
  mountlist: compile(xdr.option(mountlist)),
  exportlist: compile(xdr.option(exportlist)),
  ppathcnf: compile(ppathcnf),
} as const;
