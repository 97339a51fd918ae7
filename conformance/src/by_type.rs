//! Rows that Rust's types make impossible to break, each with a program that
//! does not compile.
//!
//! The rows are listed in [`cases::BY_TYPE`](crate::cases::BY_TYPE).

/// Row 44: an address has one form per family; other arities do not exist.
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn one_part<B: Backend>(s: &Socket<'_, B>) -> Result<()> {
///     s.connect(("127.0.0.1",))
/// }
/// ```
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn three_parts<B: Backend>(s: &Socket<'_, B>) -> Result<()> {
///     s.connect(("127.0.0.1", 80, 0))
/// }
/// ```
///
/// Nor is there an opaque form that could be malformed or short:
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn bytes<B: Backend>(s: &Socket<'_, B>) -> Result<()> {
///     s.connect(&[2u8, 0, 0, 80, 127, 0, 0, 1][..])
/// }
/// ```
///
/// The same program with an address of two parts compiles:
///
/// ```
/// use usocket_core::prelude::*;
/// fn two_parts<B: Backend>(s: &Socket<'_, B>) -> Result<()> {
///     s.connect(("127.0.0.1", 80))
/// }
/// ```
#[expect(dead_code, reason = "carries documentation tests")]
struct Arity;

/// Row 14: there is no second error type.
///
/// ```compile_fail
/// use usocket_core::gaierror;
/// ```
///
/// ```compile_fail
/// use usocket_core::timeout;
/// ```
///
/// ```compile_fail
/// use usocket_core::error;
/// ```
///
/// ```
/// use usocket_core::Error;
/// ```
#[expect(dead_code, reason = "carries documentation tests")]
struct OneErrorType;

/// Row 213: what is not a pollable stream cannot be registered.
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn a_number<B: Backend>(net: &B) -> Result<()> {
///     Poll::<1>::new(net).register(&5, POLLIN)
/// }
/// ```
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn an_address<B: Backend>(net: &B, address: SockAddr) -> Result<()> {
///     Poll::<1>::new(net).register(&address, POLLIN)
/// }
/// ```
///
/// ```
/// use usocket_core::prelude::*;
/// fn a_socket<B: Backend>(net: &B, socket: &Socket<'_, B>) -> Result<()> {
///     Poll::<1>::new(net).register(socket, POLLIN)
/// }
/// ```
#[expect(dead_code, reason = "carries documentation tests")]
struct NotPollable;

/// Rows 105 and 135: data is bytes or text, and a datagram has an address.
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn number<B: Backend>(s: &Socket<'_, B>) -> Result<usize> {
///     s.send(5)
/// }
/// ```
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn numbers<B: Backend>(s: &Socket<'_, B>) -> Result<usize> {
///     s.send([1.0, 2.0])
/// }
/// ```
///
/// ```compile_fail
/// use usocket_core::prelude::*;
/// fn no_address<B: Backend>(s: &Socket<'_, B>) -> Result<usize> {
///     s.sendto(b"x")
/// }
/// ```
///
/// ```
/// use usocket_core::prelude::*;
/// fn text<B: Backend>(s: &Socket<'_, B>) -> Result<usize> {
///     s.send("text")?;
///     s.sendto(b"x", ("127.0.0.1", 9))
/// }
/// ```
#[expect(dead_code, reason = "carries documentation tests")]
struct Data;
