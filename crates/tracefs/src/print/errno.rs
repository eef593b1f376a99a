//! Names of error numbers (`include/uapi/asm-generic/errno.h`), for `%pe`.

const NAMES: &[(u32, &str)] = &[
    (1, "EPERM"), (2, "ENOENT"), (3, "ESRCH"), (4, "EINTR"), (5, "EIO"), (6, "ENXIO"),
    (7, "E2BIG"), (8, "ENOEXEC"), (9, "EBADF"), (10, "ECHILD"), (11, "EAGAIN"), (12, "ENOMEM"),
    (13, "EACCES"), (14, "EFAULT"), (15, "ENOTBLK"), (16, "EBUSY"), (17, "EEXIST"), (18, "EXDEV"),
    (19, "ENODEV"), (20, "ENOTDIR"), (21, "EISDIR"), (22, "EINVAL"), (23, "ENFILE"),
    (24, "EMFILE"), (25, "ENOTTY"), (26, "ETXTBSY"), (27, "EFBIG"), (28, "ENOSPC"), (29, "ESPIPE"),
    (30, "EROFS"), (31, "EMLINK"), (32, "EPIPE"), (33, "EDOM"), (34, "ERANGE"), (35, "EDEADLK"),
    (36, "ENAMETOOLONG"), (37, "ENOLCK"), (38, "ENOSYS"), (39, "ENOTEMPTY"), (40, "ELOOP"),
    (42, "ENOMSG"), (61, "ENODATA"), (62, "ETIME"), (71, "EPROTO"), (74, "EBADMSG"),
    (75, "EOVERFLOW"), (84, "EILSEQ"), (90, "EMSGSIZE"), (92, "ENOPROTOOPT"),
    (93, "EPROTONOSUPPORT"), (95, "EOPNOTSUPP"), (97, "EAFNOSUPPORT"), (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"), (100, "ENETDOWN"), (101, "ENETUNREACH"), (103, "ECONNABORTED"),
    (104, "ECONNRESET"), (105, "ENOBUFS"), (106, "EISCONN"), (107, "ENOTCONN"),
    (110, "ETIMEDOUT"), (111, "ECONNREFUSED"), (112, "EHOSTDOWN"), (113, "EHOSTUNREACH"),
    (114, "EALREADY"), (115, "EINPROGRESS"), (116, "ESTALE"), (117, "EUCLEAN"), (121, "EREMOTEIO"),
    (122, "EDQUOT"), (123, "ENOMEDIUM"), (125, "ECANCELED"), (133, "EHWPOISON"),
    (512, "ERESTARTSYS"), (513, "ERESTARTNOINTR"), (514, "ERESTARTNOHAND"), (516, "ERESTART_RESTARTBLOCK"),
    (517, "EPROBE_DEFER"), (524, "ENOTSUPP"), (529, "EIOCBQUEUED"),
];

/// The name of an error number.
pub(super) fn name(number: u32) -> Option<&'static str> {
    NAMES
        .binary_search_by_key(&number, |(number, _)| *number)
        .ok()
        .and_then(|at| NAMES.get(at))
        .map(|(_, name)| *name)
}
