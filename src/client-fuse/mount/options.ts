/** How a tree is mounted. */
export interface MountOptions {
  /** What mount(8) shows as its device. */
  readonly source: string;
  /** The directory that it is mounted on, as an absolute path without symlinks. */
  readonly target: string;
  /** Others than the user who mounts may use it. */
  readonly allowOther?: boolean;
  /** Options of every file system, as mount(8) takes them: `ro`, `nosuid`, `noexec` and the like. */
  readonly generic?: readonly string[];
}

/** Why a tree could not be mounted; the message names the thing and the cure. */
export class MountError extends Error {
  /** What is wrong. */
  readonly kind: MountErrorKind;

  constructor(kind: MountErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MountError';
    this.kind = kind;
  }
}

/** `fuse`: there is no FUSE to be had; `target`: the directory does not do; `refused`: the host refused. */
export type MountErrorKind = 'fuse' | 'target' | 'refused';

/** The type of the file system; mount(8) and findmnt(8) show it. */
export const FILE_SYSTEM_TYPE = 'fuse.magma';
