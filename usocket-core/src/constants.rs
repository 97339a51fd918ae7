//! The numbers of the reference text: the Linux ones, on every backend
//! and every target (rows 10 to 13).

/// Address family IPv4.
pub const AF_INET: i32 = 2;
/// Address family IPv6; a backend without it answers `EAFNOSUPPORT` (row 5).
pub const AF_INET6: i32 = 10;

/// Byte stream: TCP.
pub const SOCK_STREAM: i32 = 1;
/// Datagrams: UDP.
pub const SOCK_DGRAM: i32 = 2;

/// Option level and protocol number of IPv4.
pub const IPPROTO_IP: i32 = 0;
/// Protocol number and option level of TCP.
pub const IPPROTO_TCP: i32 = 6;
/// Protocol number of UDP.
pub const IPPROTO_UDP: i32 = 17;
/// Option level of IPv6.
pub const IPPROTO_IPV6: i32 = 41;

/// Option level of the socket itself.
pub const SOL_SOCKET: i32 = 1;
/// Option level of IPv4; the same number as [`IPPROTO_IP`].
pub const SOL_IP: i32 = IPPROTO_IP;
/// Option level of TCP; the same number as [`IPPROTO_TCP`].
pub const SOL_TCP: i32 = IPPROTO_TCP;
/// Option level of UDP; the same number as [`IPPROTO_UDP`]. It has no option.
pub const SOL_UDP: i32 = IPPROTO_UDP;
/// Option level of IPv6; the same number as [`IPPROTO_IPV6`].
pub const SOL_IPV6: i32 = IPPROTO_IPV6;

/// Bind to an address that lingering connections still use. Integer, 0 or not 0.
pub const SO_REUSEADDR: i32 = 2;
/// The socket's type. Read-only integer.
pub const SO_TYPE: i32 = 3;
/// The pending error. Read-only; reading clears it (see `take_error`).
pub const SO_ERROR: i32 = 4;
/// Allow datagrams to broadcast addresses. Integer, 0 or not 0 (row 134).
pub const SO_BROADCAST: i32 = 6;
/// Send buffer size in bytes. Integer.
pub const SO_SNDBUF: i32 = 7;
/// Receive buffer size in bytes. Integer.
pub const SO_RCVBUF: i32 = 8;
/// Probe an idle connection. Integer, 0 or not 0 (row 140).
pub const SO_KEEPALIVE: i32 = 9;
/// What close does with queued data: two integers, on/off and seconds (row 148).
pub const SO_LINGER: i32 = 13;
/// Use this interface only: the interface's name as bytes.
pub const SO_BINDTODEVICE: i32 = 25;
/// Whether the socket listens. Read-only integer.
pub const SO_ACCEPTCONN: i32 = 30;

/// Send small segments at once. Integer, 0 or not 0 (row 141).
pub const TCP_NODELAY: i32 = 1;
/// Idle seconds before the first keep-alive probe. Integer, 1 to 32767.
pub const TCP_KEEPIDLE: i32 = 4;
/// Seconds between keep-alive probes. Integer, 1 to 32767.
pub const TCP_KEEPINTVL: i32 = 5;
/// Unanswered probes before the connection is dropped. Integer, 1 to 127.
pub const TCP_KEEPCNT: i32 = 6;

/// Hop limit of sent packets. Integer, 1 to 255.
pub const IP_TTL: i32 = 2;
/// Interface of sent multicast datagrams: its IPv4 address, 4 bytes.
pub const IP_MULTICAST_IF: i32 = 32;
/// Hop limit of sent multicast datagrams. Integer, 0 to 255.
pub const IP_MULTICAST_TTL: i32 = 33;
/// Whether sent multicast datagrams come back to this host. Integer, 0 or not 0.
pub const IP_MULTICAST_LOOP: i32 = 34;
/// Join a multicast group: group and interface address, 8 bytes (row 145).
pub const IP_ADD_MEMBERSHIP: i32 = 35;
/// Leave a multicast group: group and interface address, 8 bytes (row 145).
pub const IP_DROP_MEMBERSHIP: i32 = 36;
/// Join an IPv6 group: group, 16 bytes, and interface number, 4 bytes native-endian.
pub const IPV6_JOIN_GROUP: i32 = 20;
/// Leave an IPv6 group: as [`IPV6_JOIN_GROUP`].
pub const IPV6_LEAVE_GROUP: i32 = 21;

/// Receive without consuming (row 127).
pub const MSG_PEEK: i32 = 2;
/// Do not wait in this call, whatever the socket's mode (row 127).
pub const MSG_DONTWAIT: i32 = 64;

/// getaddrinfo: addresses for `bind`. Accepted; a literal is still needed (row 28).
pub const AI_PASSIVE: i32 = 1;
/// getaddrinfo: give the canonical name (row 25). `EAI_BADFLAGS` without the feature
/// `canonname`.
pub const AI_CANONNAME: i32 = 2;
/// getaddrinfo: the host is a literal, never ask a name server (row 26).
pub const AI_NUMERICHOST: i32 = 4;

/// getaddrinfo: unknown flag.
pub const EAI_BADFLAGS: i32 = -1;
/// getaddrinfo: unknown name.
pub const EAI_NONAME: i32 = -2;
/// getaddrinfo: no answer in time, or the link is down.
pub const EAI_AGAIN: i32 = -3;
/// getaddrinfo: the name server failed for good.
pub const EAI_FAIL: i32 = -4;
/// getaddrinfo: unknown address family.
pub const EAI_FAMILY: i32 = -6;
/// getaddrinfo: unknown socket type, or one that contradicts the protocol.
pub const EAI_SOCKTYPE: i32 = -7;
/// getaddrinfo: port out of range.
pub const EAI_SERVICE: i32 = -8;
/// getaddrinfo: the literal is of the other family.
pub const EAI_ADDRFAMILY: i32 = -9;
/// getaddrinfo: no room for another query.
pub const EAI_MEMORY: i32 = -10;
