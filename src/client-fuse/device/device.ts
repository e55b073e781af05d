/** What one side of a FUSE connection does with the other. */
export interface DeviceEvents {
  /**
   * A request was read into the first `length` bytes. Returns a promise when the memory must not be used again before that is settled.
   */
  request(bytes: Buffer, length: number): Promise<unknown> | null;
  /** There is no connection any more: unmounted, or aborted with an error. Called once. */
  ended(error: Error | null): void;
}

/** The kernel's end of a FUSE connection. */
export interface Device {
  /** Begins to read requests. */
  start(events: DeviceEvents): void;
  /** Sends one answer, in one or several parts. False when nobody waits for it any more. */
  send(parts: readonly Uint8Array[]): boolean;
  /** Sends what is no answer, and what the kernel may wait for answers to: resolves when it has done it, or there is no connection any more. Never rejects. */
  notify(message: Uint8Array): Promise<void>;
  /** Reads no more until told to. */
  pause(): void;
  resume(): void;
  /** Lets go of the connection; if it is still mounted, users get ENOTCONN from now on. */
  close(): Promise<void>;
}
