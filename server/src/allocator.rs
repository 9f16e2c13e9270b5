//! Settings of the allocator for a server: how soon it returns freed memory to the system, and the size of its pages.
//!
//! They are jemalloc's, which the binary uses; under another allocator they have no effect.

/// How long a server keeps freed memory, in milliseconds.
///
/// It is less than jemalloc's ten seconds, so that memory which one large statement has freed is there for the next. It
/// is more than zero, because batches are freed and allocated all the time, and mapping and zeroing their pages each
/// time is slow. Commands end soon and keep jemalloc's default.
#[cfg(not(target_env = "msvc"))]
const DECAY_MILLISECONDS: isize = 200;

/// Makes the allocator return freed memory soon, and disables huge pages: some part of a huge page is nearly always in
/// use, so hardly any of them could be returned.
pub fn configure_for_server() {
    #[cfg(not(target_env = "msvc"))]
    shorten_decay();
    #[cfg(target_os = "linux")]
    avoid_huge_pages();
}

#[cfg(not(target_env = "msvc"))]
#[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
fn shorten_decay() {
    use tikv_jemalloc_ctl::raw;

    // SAFETY (of all three): the options are numbers of these types, and their names end in a zero byte.
    let arenas = unsafe { raw::read::<u32>(b"arenas.narenas\0") };
    let future = unsafe { raw::write(b"arenas.dirty_decay_ms\0", DECAY_MILLISECONDS) };
    for arena in 0..*arenas.as_ref().unwrap_or(&0) {
        let option = format!("arena.{arena}.dirty_decay_ms\0");
        // It fails for arenas that are not in use yet; they take the default that was set above.
        let _ = unsafe { raw::write(option.as_bytes(), DECAY_MILLISECONDS) };
    }
    if let Err(error) = arenas.map(drop).and(future) {
        tracing::warn!(%error, "the allocator will keep freed memory for longer than it should");
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system's calls have no safe interface")]
fn avoid_huge_pages() {
    // SAFETY: it sets a flag of the process and passes no memory. On an old kernel it fails and changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}

#[cfg(all(test, not(target_env = "msvc")))]
mod tests {
    #[test]
    fn the_allocator_accepts_its_options() {
        super::configure_for_server();
        #[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
        // SAFETY: they are numbers of this type.
        for option in [&b"arenas.dirty_decay_ms\0"[..], b"arena.0.dirty_decay_ms\0"] {
            let kept: Result<isize, _> = unsafe { tikv_jemalloc_ctl::raw::read(option) };
            assert_eq!(kept, Ok(super::DECAY_MILLISECONDS));
        }
    }
}
