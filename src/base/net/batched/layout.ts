/**
 * Structures and numbers of the C library and of libuv, as they are on Linux with 64-bit pointers, little endian (x64 and arm64 agree). Sizes
 * and offsets are in bytes where the name says so, else in words of 32 bits; a pointer or `size_t` takes two words, the low one first.
 */

/** `struct sockaddr_in6`, 28 bytes, and the shorter `sockaddr_in` each get a slot of this many words. */
export const NAME_WORDS = 8;
/** The slot's last word is of no use to the host: datagrams of so many bytes and more are not to be sent there as parts of one; 0: all may be. */
export const WHOLE_FROM_WORD = 7;
export const NAME_BYTES = NAME_WORDS * 4;
/** Bytes of `struct sockaddr_in` and `struct sockaddr_in6`. */
export const SOCKADDR_BYTES = { 4: 16, 6: 28 } as const;
/** Words of a socket address that say something. */
export const SOCKADDR_WORDS = { 4: 2, 6: 7 } as const;
/** Where the address begins in a socket address: behind family and port, and for IPv6 the flow. */
export const ADDRESS_WORD = { 4: 1, 6: 2 } as const;
/** Where the scope is in a `sockaddr_in6`. */
export const SCOPE_WORD = 6;

/** Room for two control messages: a `struct in_pktinfo` or `in6_pktinfo`, and the length of a segment. */
export const CONTROL_WORDS = 16;
export const CONTROL_BYTES = CONTROL_WORDS * 4;
/** `struct cmsghdr`: length (`size_t`), level, type, then the data. */
export const CMSG = { length: 0, level: 2, type: 3, data: 4 } as const;
/** `CMSG_LEN` and `CMSG_SPACE` of `in_pktinfo` (interface, own address, destination) and `in6_pktinfo` (destination, interface). */
export const PKTINFO = {
  4: { length: 28, space: 32, level: 0, type: 8 },
  6: { length: 36, space: 40, level: 41, type: 50 },
} as const;
/** Words of the data: `ipi_spec_dst`, the address that an answer should leave from; `ipi6_addr`; `ipi6_ifindex`. */
export const PKTINFO4_OWN_WORD = CMSG.data + 1;
export const PKTINFO6_ADDRESS_WORD = CMSG.data;
export const PKTINFO6_INTERFACE_WORD = CMSG.data + 4;

/** The control message that has the host cut what is sent into datagrams of one length, the last one perhaps shorter: 16 bits (Linux 4.18). */
export const SEGMENT = { length: 18, space: 24, level: 17, type: 103 } as const;
/** Datagrams that the host makes of one message at most, and their bytes: as many as one IP packet could hold. */
export const SEGMENTS_MAX = 64;
export const SEGMENTS_BYTES_MAX = 65_000;

/** `struct iovec`: base, length. */
export const IOVEC_WORDS = 4;
export const IOVEC_LENGTH_WORD = 2;

/** `struct mmsghdr`: a `msghdr` and the length of the datagram. */
export const MESSAGE_WORDS = 16;
export const MESSAGE = {
  name: 0,
  nameBytes: 2,
  iovec: 4,
  iovecs: 6,
  control: 8,
  controlBytes: 10,
  flags: 12,
  length: 14,
} as const;

export const AF = { 4: 2, 6: 10 } as const;
/** `SOCK_DGRAM`, non-blocking, closed on exec. */
export const SOCK_DGRAM = 2 | 0o4000 | 0o2000000;
export const MSG_DONTWAIT = 0x40;
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
/** Beyond the host's limit, for those with CAP_NET_ADMIN. */
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
/** An array of words that describes the socket's memory; one of them counts datagrams lost because the receive buffer was full. */
export const SO_MEMINFO = 55;
export const MEMINFO_WORDS = 9;
export const MEMINFO_DROPS_WORD = 8;
export const IPPROTO_IP = 0;
export const IP_PKTINFO = 8;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;

/** libuv: its number for poll handles, and what they wait for. */
export const UV_POLL = 8;
export const UV_READABLE = 1;
export const UV_WRITABLE = 2;
