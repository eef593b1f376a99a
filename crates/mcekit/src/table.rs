//! The vocabulary that vendor tables are written in.
//!
//! A table is data in the manual's order and notation: [`Code`] rows, in a [`Field`] of some [`Bits`] of a
//! register, in a [`Unit`], at [`Bank`] numbers or hardware ids of a [`Model`]. Everything is built by `const fn`s that
//! refuse, while compiling, rows that are out of order, doubled, or wider than their field.
//!
//! ```
//! use mcekit::table::{bits, code, Class, Field, Register, Unit};
//! use mcekit::{Record, Status};
//!
//! static ERRORS: Field = Field::codes("mscod", Register::Status, bits(31, 16), &[
//!     code(0x0001, "address parity error").class(Class::AddressParity),
//!     code(0x0010, "corrected patrol scrub error").class(Class::PatrolScrub),
//! ]);
//! static IMC: Unit = Unit::new("IMC", "Integrated memory controller", &[&ERRORS]);
//!
//! let record = Record::new(9, Status(0x8c00_0040_0010_00c0));
//! let value = IMC.values(&record).next().unwrap();
//! assert_eq!(value.text(), Some("corrected patrol scrub error"));
//! assert_eq!(value.class(), Some(Class::PatrolScrub));
//! ```
//!
//! Rows out of order do not compile:
//!
//! ```compile_fail
//! use mcekit::table::{bits, code, Field, Register};
//! static F: Field = Field::codes("f", Register::Status, bits(31, 16), &[code(2, "b"), code(1, "a")]);
//! ```
//!
//! Nor do conditions that can never hold together:
//!
//! ```compile_fail
//! use mcekit::table::{bits, Field, Register, When};
//! static F: Field = Field::hex("f", Register::Misc, bits(3, 0))
//!     .when(&[When::Is(Register::Status, bits(1, 0), 1), When::Is(Register::Status, bits(1, 0), 2)]);
//! ```
//!
//! Neither does a code that its field cannot hold:
//!
//! ```compile_fail
//! use mcekit::table::{bits, code, Field, Register};
//! static F: Field = Field::codes("f", Register::Status, bits(19, 16), &[code(0x10, "too wide")]);
//! ```
//!
//! Nor such conditions on the field's own register:
//!
//! ```compile_fail
//! use mcekit::table::{bit, bits, Field, Register, When};
//! static F: Field = Field::hex("f", Register::Misc, bits(31, 16)).when(&[
//!     When::Is(Register::Misc, bit(61), 0),
//!     When::Is(Register::Misc, bit(61), 1),
//! ]);
//! ```
//!
//! Nor a text with a sign that JSON would escape:
//!
//! ```compile_fail
//! use mcekit::table::{bits, code, Field, Register};
//! static F: Field = Field::codes("f", Register::Status, bits(19, 16), &[code(1, "a \"quote\"")]);
//! ```
//!
//! Nor banks that no processor has, or that are listed twice:
//!
//! ```compile_fail
//! use mcekit::table::{Bank, Unit};
//! static CORE: Unit = Unit::new("core", "core", &[]);
//! static BANK: Bank = Bank::new(64, &CORE);
//! ```
//!
//! ```compile_fail
//! use mcekit::table::{Bank, Model, Unit};
//! use mcekit::Vendor;
//! static CORE: Unit = Unit::new("core", "core", &[]);
//! static MODEL: Model = Model::architectural("m", "m", &[], Vendor::INTEL, &[])
//!     .with_banks(&[Bank::range(0, 3, &CORE), Bank::new(3, &CORE)]);
//! ```

mod code;
mod field;
#[cfg(feature = "serde")]
mod json;
mod location;
mod model;
mod register;
#[cfg(test)]
mod tests;
mod unit;
mod when;

pub use code::{Class, Code, code};
pub use field::{Field, Form, Role, Value};
pub use location::{Location, Place};
pub use model::{Bank, Banks, Cpu, Model, Slot, Slots, SmcaBank};
pub use register::{Bits, Register, bit, bits};
pub use unit::{Group, Unit, Values};
pub use when::When;
