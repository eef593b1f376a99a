//! Other libraries of the field, wrapped just far enough to be compared with.
//!
//! The one package that links C; it is a dependency of tests and benches only. Its unsafe is that of
//! calling a C library, and stands in one module.

#[cfg(feature = "libtraceevent")]
pub mod libtraceevent;
