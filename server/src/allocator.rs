//! How memory is taken from the system, and how soon a server gives back what it has freed.
//!
//! The binary's allocator is meant, jemalloc; under another one this changes nothing that is used.

/// How long a server keeps freed memory, in milliseconds. Less than the ten seconds that are usual: what one large statement
/// took for a moment must not be missing to the next one. Not nothing: batches are freed and allocated all the time, and to
/// have their memory zeroed and mapped again each time costs. Commands, which end soon, keep the usual time.
#[cfg(not(target_env = "msvc"))]
const KEPT_MILLISECONDS: isize = 200;

/// Gives freed memory back soon, and takes it in pages of the usual size, where the system would give huge ones: of those
/// some part is mostly in use, so that hardly any would go back.
pub fn of_a_server() {
    #[cfg(not(target_env = "msvc"))]
    give_back_soon();
    #[cfg(target_os = "linux")]
    avoid_huge_pages();
}

#[cfg(not(target_env = "msvc"))]
#[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
fn give_back_soon() {
    use tikv_jemalloc_ctl::raw;

    // SAFETY (of all three): the options are numbers of these types, and their names end in a zero byte.
    let arenas = unsafe { raw::read::<u32>(b"arenas.narenas\0") };
    let coming = unsafe { raw::write(b"arenas.dirty_decay_ms\0", KEPT_MILLISECONDS) };
    for arena in 0..*arenas.as_ref().unwrap_or(&0) {
        let option = format!("arena.{arena}.dirty_decay_ms\0");
        // It fails for those that are not in use yet, which will be as the others that are to come.
        let _ = unsafe { raw::write(option.as_bytes(), KEPT_MILLISECONDS) };
    }
    if let Err(error) = arenas.map(drop).and(coming) {
        tracing::warn!(%error, "the allocator will keep freed memory for longer than it should");
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system's calls have no safe interface")]
fn avoid_huge_pages() {
    // SAFETY: a flag of the process; no memory is given to the call. An old kernel that refuses it changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}

#[cfg(all(test, not(target_env = "msvc")))]
mod tests {
    #[test]
    fn the_allocator_knows_its_options() {
        super::of_a_server();
        #[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
        // SAFETY: they are numbers of this type.
        for option in [&b"arenas.dirty_decay_ms\0"[..], b"arena.0.dirty_decay_ms\0"] {
            let kept: Result<isize, _> = unsafe { tikv_jemalloc_ctl::raw::read(option) };
            assert_eq!(kept, Ok(super::KEPT_MILLISECONDS));
        }
    }
}
