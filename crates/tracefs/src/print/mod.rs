//! `print fmt`: compiled on demand, rendered as the kernel does.
