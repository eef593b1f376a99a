//! libtraceevent, the C library behind perf and trace-cmd.
#![expect(unsafe_code, reason = "calls a C library: every call is an unsafe one")]

use std::ffi::{CString, c_char, c_int, c_uint, c_ulong, c_void};

/// `struct tep_record` of event-parse.h.
#[repr(C)]
struct TepRecord {
    ts: u64,
    offset: u64,
    missed_events: i64,
    record_size: c_int,
    size: c_int,
    data: *mut c_void,
    cpu: c_int,
    ref_count: c_int,
    locked: c_int,
    private: *mut c_void,
}

/// `struct trace_seq` of trace-seq.h.
#[repr(C)]
struct TraceSeq {
    buffer: *mut c_char,
    buffer_size: c_uint,
    len: c_uint,
    readpos: c_uint,
    state: c_int,
}

#[link(name = "traceevent")]
unsafe extern "C" {
    fn tep_alloc() -> *mut c_void;
    fn tep_free(tep: *mut c_void);
    fn tep_set_loglevel(level: c_int);
    fn tep_parse_event(
        tep: *mut c_void,
        buf: *const c_char,
        size: c_ulong,
        sys: *const c_char,
    ) -> c_int;
    fn tep_find_event(tep: *mut c_void, id: c_int) -> *mut c_void;
    fn tep_find_any_field(event: *mut c_void, name: *const c_char) -> *mut c_void;
    fn tep_read_number_field(field: *mut c_void, data: *const c_void, value: *mut u64) -> c_int;
    fn tep_print_event(
        tep: *mut c_void,
        s: *mut TraceSeq,
        record: *mut TepRecord,
        fmt: *const c_char,
        ...
    );
    fn trace_seq_init(s: *mut TraceSeq);
    fn trace_seq_reset(s: *mut TraceSeq);
    fn trace_seq_destroy(s: *mut TraceSeq);
}

/// One event's format, parsed by libtraceevent.
#[derive(Debug)]
pub struct Event {
    tep: *mut c_void,
    event: *mut c_void,
    seq: Box<TraceSeq>,
}

impl std::fmt::Debug for TraceSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

/// A field, resolved.
#[derive(Clone, Copy, Debug)]
pub struct Field(*mut c_void);

impl Event {
    /// Parses a format file, print fmt included. `None` where libtraceevent does not.
    #[must_use]
    pub fn parse(format: &[u8], id: u32) -> Option<Self> {
        // SAFETY: takes a number, keeps no pointer.
        unsafe { tep_set_loglevel(0) };
        // SAFETY: no arguments; null is looked for below.
        let tep = unsafe { tep_alloc() };
        if tep.is_null() {
            return None;
        }
        let mut seq = Box::new(TraceSeq {
            buffer: std::ptr::null_mut(),
            buffer_size: 0,
            len: 0,
            readpos: 0,
            state: 0,
        });
        // SAFETY: `seq` is a trace_seq of the library's layout, and lives in its box until Drop.
        unsafe { trace_seq_init(&raw mut *seq) };
        let mut this = Self {
            tep,
            event: std::ptr::null_mut(),
            seq,
        };
        // SAFETY: `tep` is the library's own; the text is `format.len()` bytes long; the name ends with a NUL.
        let parsed = unsafe {
            tep_parse_event(
                this.tep,
                format.as_ptr().cast(),
                format.len() as c_ulong,
                c"peer".as_ptr(),
            )
        };
        // SAFETY: `tep` is the library's own.
        this.event = unsafe { tep_find_event(this.tep, id as c_int) };
        (parsed == 0 && !this.event.is_null()).then_some(this)
    }

    /// A field by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field> {
        let name = CString::new(name).ok()?;
        // SAFETY: the event is this handle's, which lives; the name ends with a NUL.
        let field = unsafe { tep_find_any_field(self.event, name.as_ptr()) };
        (!field.is_null()).then_some(Field(field))
    }

    /// A number out of a record that holds all fields. `None` if the field is none.
    #[must_use]
    pub fn number(&self, field: Field, record: &[u8]) -> Option<u64> {
        let mut value = 0;
        // SAFETY: the field is one of this event's; the record holds every field of it, as the caller says.
        let failed =
            unsafe { tep_read_number_field(field.0, record.as_ptr().cast(), &raw mut value) };
        (failed == 0).then_some(value)
    }

    /// The record's line.
    pub fn text(&mut self, record: &[u8]) -> &[u8] {
        let mut record = TepRecord {
            ts: 0,
            offset: 0,
            missed_events: 0,
            record_size: record.len() as c_int,
            size: record.len() as c_int,
            data: record.as_ptr().cast_mut().cast(),
            cpu: 0,
            ref_count: 0,
            locked: 0,
            private: std::ptr::null_mut(),
        };
        // SAFETY: `seq` was initialised by `parse`.
        unsafe { trace_seq_reset(&raw mut *self.seq) };
        // SAFETY: the handle and the buffer are the library's own, the record is one of its layout whose bytes it only
        // reads, and the arguments are those that the format asks for.
        unsafe {
            tep_print_event(
                self.tep,
                &raw mut *self.seq,
                &raw mut record,
                c"%s".as_ptr(),
                c"INFO".as_ptr(),
            );
        };
        // SAFETY: the library keeps `len` bytes in `buffer`, which lives until the next call.
        unsafe { std::slice::from_raw_parts(self.seq.buffer.cast(), self.seq.len as usize) }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: initialised by `parse`, not used any more.
        unsafe { trace_seq_destroy(&raw mut *self.seq) };
        // SAFETY: allocated by `parse`, freed once.
        unsafe { tep_free(self.tep) };
    }
}
